//! The reasons why a template has no field for a value of a manifest, by the name of the field.

use crate::ledger::Node;

/// Names of fields, and the reason that they share.
const REASONS: &[(&[&str], &str)] = &[
    (&["namespace"], "a template belongs to the project of the key that creates it"),
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
        "is a note of the cluster; write text for people into `desc` or `labels`",
    ),
    (&["status"], "describes a past run; a template describes future runs"),
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
        "the sizes, `gpuName` and the compute centre (`aidcId`) decide where workers run",
    ),
    (
        &["priorityClassName", "priority", "schedulingPolicy", "queueName", "preemptionPolicy"],
        "jobs are queued by `priority`, 1 to 3 (3 is first), and all workers of a job start together",
    ),
    (
        &["initContainers", "initializer"],
        "nothing runs before the workers; write this at the beginning of `startCommand`",
    ),
    (&["containers"], "a worker is one process tree; start this program from `startCommand`"),
    (&["ports"], "the launch chooses ports, so that two jobs never share one"),
    (
        &["securityContext", "serviceAccountName", "serviceAccount", "automountServiceAccountToken"],
        "the configuration of the server (`run_as`) sets the account of jobs, not a template",
    ),
    (&["imagePullPolicy", "imagePullSecrets"], "the configuration of the compute centre decides how images are pulled"),
    (
        &["hostNetwork", "hostIPC", "hostPID", "dnsPolicy", "dnsConfig", "hostAliases", "hostname", "subdomain"],
        "the compute centre decides the network of workers",
    ),
    (
        &["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"],
        "there are no probes; the process of a worker decides its state",
    ),
    (&["volumes"], "only a volume with `persistentVolumeClaim` can become an entry of `storageConfigs`"),
    (&["volumeMounts"], "its volume is not a claim; register a storage and mount it with `storageConfigs`"),
    (&["env"], "only one role has this variable; all workers of a template share one `env`"),
    (&["envFrom"], "is in another object of the cluster; write the variables into `env`"),
    (&["elasticPolicy"], "the number of workers is fixed (`workerCount`), and all of them start together"),
    (
        &["cleanPodPolicy", "ttlSecondsAfterFinished"],
        "the server deletes the logs and folders of ended jobs after `retention_days`",
    ),
    (&["suspend"], "a template runs nothing; a job starts as soon as its resources are free"),
    (&["managedBy"], "is a switch for controllers of the cluster"),
    (
        &["runtimePatches", "podTemplateOverrides", "podSpecOverrides"],
        "changes a runtime that only the cluster knows; write the result into the template",
    ),
    (&["limits", "requests"], "the size of a worker is cores, memory and GPUs only"),
    (&["restartPolicy", "backoffLimit", "backoffLimitPerIndex"], "a job is retried as a whole, by `enableAutoRetry`"),
];

/// The reason for a value, by the innermost name in its path that has one.
pub(super) fn of(node: &Node<'_>) -> String {
    let names = node.path.split(['.', '[', ']']).rev();
    let known = |name: &str| REASONS.iter().find(|(fields, _)| fields.contains(&name)).map(|(_, why)| *why);
    let why = names.into_iter().find_map(known);
    why.unwrap_or("a template has no field for this").to_owned()
}
