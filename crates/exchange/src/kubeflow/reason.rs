//! Why a value of a manifest does not come along, by the name of its field.

use crate::ledger::Node;

/// What is known of fields by name: words, and the fields that they are true of.
const REASONS: &[(&[&str], &str)] = &[
    (&["namespace"], "a template belongs to the project of the key that makes it"),
    (
        &[
            "annotations",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "managedFields",
            "ownerReferences",
            "finalizers",
            "selfLink",
            "clusterName",
        ],
        "is the cluster's own note; put what people should read into `desc` or `labels`",
    ),
    (&["status"], "tells of a run that was; a template holds what is to be run"),
    (
        &[
            "nodeSelector",
            "affinity",
            "tolerations",
            "topologySpreadConstraints",
            "schedulerName",
            "schedulingGates",
            "nodeName",
        ],
        "where workers run is chosen by their sizes, `gpuName` and the compute centre (`aidcId`)",
    ),
    (
        &["priorityClassName", "priority", "schedulingPolicy", "queueName", "preemptionPolicy"],
        "jobs are queued by `priority`, 1 to 3 (3 goes first), all workers together or none",
    ),
    (&["initContainers", "initializer"], "nothing runs before the workers: do it at the beginning of `startCommand`"),
    (&["containers"], "a worker is one process tree: start what stands here from `startCommand`"),
    (&["ports"], "ports are chosen by the launch, so that no two jobs share one"),
    (
        &["securityContext", "serviceAccountName", "serviceAccount", "automountServiceAccountToken"],
        "as whom jobs run is set for the server (`run_as`), not by a template",
    ),
    (&["imagePullPolicy", "imagePullSecrets"], "how images are fetched is set for the compute centre"),
    (
        &["hostNetwork", "hostIPC", "hostPID", "dnsPolicy", "dnsConfig", "hostAliases", "hostname", "subdomain"],
        "the network of workers is the compute centre's",
    ),
    (
        &["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"],
        "a worker lives as long as its process; nothing else is asked",
    ),
    (&["volumes"], "only volumes by claim (`persistentVolumeClaim`) can become a storage of `storageConfigs`"),
    (&["volumeMounts"], "its volume is no claim: register a storage and mount it with `storageConfigs`"),
    (&["env"], "stands with one role alone: workers of a template are all alike and share one `env`"),
    (&["envFrom"], "stands elsewhere in the cluster: write the variables into `env`"),
    (&["elasticPolicy"], "the number of workers is fixed: all start together or none, `workerCount` of them"),
    (
        &["cleanPodPolicy", "ttlSecondsAfterFinished"],
        "ended jobs are kept and cleared by the server's `retention_days`",
    ),
    (&["suspend"], "a template runs nothing; a job starts when it is created and there is room"),
    (&["managedBy"], "is a switch of the cluster's controllers"),
    (
        &["runtimePatches", "podTemplateOverrides", "podSpecOverrides"],
        "changes a runtime that only the cluster knows: write what it should come to into the template",
    ),
    (&["limits", "requests"], "a worker's size is cores, memory and accelerators, nothing else"),
    (&["restartPolicy", "backoffLimit", "backoffLimitPerIndex"], "a job is retried as a whole, by `enableAutoRetry`"),
];

/// Why this value is left, by the innermost name in its path of which anything is known.
pub(super) fn of(node: &Node<'_>) -> String {
    let names = node.path.split(['.', '[', ']']).rev();
    let known = |name: &str| REASONS.iter().find(|(fields, _)| fields.contains(&name)).map(|(_, why)| *why);
    let why = names.into_iter().find_map(known);
    why.unwrap_or("a template has no field for this").to_owned()
}
