//! Why a job waits: as numbers, and as sentences for users.
//!
//! A plan over thousands of jobs builds no text. A reader builds the sentences of the few jobs that it shows.

use crate::{
    capacity::{Gpu, same_model},
    id::JobId,
    job_spec::{decimal_text, gb_text},
    reason::{WaitCode, WaitingReason},
    text::counted,
    time::Span,
};

/// An accelerator that no job holds and that no job gets until it is clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedGpu {
    /// The accelerator.
    pub gpu: Gpu,
    /// The reason for the quarantine, for users.
    pub why: String,
}

/// Everything that a job waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The resources that are short.
    pub shortages: Vec<Shortage>,
    /// The position of the job in the queue; `None` if the centre has become too small for the job.
    pub position: Option<QueuePosition>,
}

/// A resource that is short: less of it is free than a job needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The resource; it decides the unit of the amounts: thousandths of a core, bytes, or accelerators.
    pub resource: Resource,
    /// The accelerator model, if the job needs a certain one.
    pub model: Option<String>,
    /// How much all workers of the job need.
    pub needed: u64,
    /// How much is free.
    pub free: u64,
    /// How much the centre has in total.
    pub all: u64,
}

/// A resource that a centre allocates to jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Cores, counted in thousandths.
    Cores,
    /// Memory, counted in bytes.
    Memory,
    /// Accelerators of the model that the job asks for.
    Gpus,
}

/// The position of a waiting job in its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePosition {
    /// Counted from 1, the head of the queue.
    pub number: u64,
    /// How many jobs wait in the queue.
    pub total: u64,
    /// The head of the queue; `None` if this job is the head.
    pub head: Option<JobId>,
    /// The longest time until the job starts. Known only for the head, and not always.
    pub starts_within: Option<Span>,
    /// Why the job does not start before the jobs ahead of it.
    pub backfill: BackfillVerdict,
}

/// Why a job does not backfill, that is, start before the jobs ahead of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackfillVerdict {
    /// The job waits for something that the plan does not decide, such as ports.
    NotPlanned,
    /// The resources that the job needs are not free.
    DoesNotFit,
    /// The job fits, and would take resources that are reserved for the jobs ahead of it.
    ReservedForEarlier,
    /// The job fits, and would take resources that are reserved for a job whose start time is unknown.
    ReservedForUnknownStart {
        /// The job that holds the reservation.
        job: JobId,
    },
    /// The job fits, and would run too long.
    WithLimit {
        /// The longest time limit with which the job could start now.
        longest: Span,
    },
    /// The job fits, and starts once the jobs that backfill before it have started.
    NextPass,
}

impl Wait {
    /// The codes of [`Self::reasons`], in the same order.
    pub fn codes(&self) -> impl Iterator<Item = WaitCode> {
        self.shortages.iter().map(Shortage::code).chain(self.position.as_ref().map(QueuePosition::code))
    }

    /// The reasons with their sentences. `quarantined` are the accelerators of the centre that no job gets; `name` says how a
    /// sentence calls another job, which the reader may not be allowed to know.
    pub fn reasons(&self, quarantined: &[QuarantinedGpu], name: impl Fn(&JobId) -> String) -> Vec<WaitingReason> {
        let of_shortage = |shortage: &Shortage| WaitingReason::new(shortage.code(), shortage.message(quarantined));
        let needs_quarantined = self.shortages.iter().any(|one| one.quarantined(quarantined).next().is_some());
        let of_position =
            |position: &QueuePosition| WaitingReason::new(position.code(), position.message(needs_quarantined, &name));
        self.shortages.iter().map(of_shortage).chain(self.position.as_ref().map(of_position)).collect()
    }
}

impl Shortage {
    /// Whether the centre is too small, so that waiting does not help.
    pub(super) fn is_permanent(&self) -> bool {
        self.needed > self.all
    }

    fn code(&self) -> WaitCode {
        match self.resource {
            _ if self.is_permanent() => WaitCode::TooSmall,
            Resource::Cores => WaitCode::Cpu,
            Resource::Memory => WaitCode::Memory,
            Resource::Gpus => WaitCode::Gpu,
        }
    }

    /// The quarantined accelerators that the job could use.
    fn quarantined<'u>(&self, all: &'u [QuarantinedGpu]) -> impl Iterator<Item = &'u QuarantinedGpu> {
        let is_suitable = move |one: &&QuarantinedGpu| match (self.resource, &self.model) {
            (Resource::Gpus, Some(model)) => same_model(model, &one.gpu.model),
            (resource, _) => resource == Resource::Gpus,
        };
        all.iter().filter(is_suitable)
    }

    fn message(&self, quarantined: &[QuarantinedGpu]) -> String {
        let (unit, text): (_, fn(u64) -> String) = match self.resource {
            Resource::Cores => ("core", decimal_text),
            Resource::Memory => ("GB of memory", gb_text),
            Resource::Gpus => ("GPU", |count| count.to_string()),
        };
        let (needed, free, all) = (text(self.needed), text(self.free), text(self.all));
        let plural = if self.resource == Resource::Memory || needed == "1" { "" } else { "s" };
        let model = self.model.as_ref().map(|model| format!(" of model {model}")).unwrap_or_default();
        let needs = format!("needs {needed} {unit}{plural}{model}");
        if self.is_permanent() {
            let has = if self.all == 0 { "none".to_owned() } else { format!("only {all} in total") };
            return format!("{needs}, but the centre has {has}, so it cannot start");
        }
        let missing = text(self.needed.saturating_sub(self.free));
        let suitable: Vec<_> = self.quarantined(quarantined).collect();
        let named = suitable.iter().take(MOST_NAMED);
        let named = named.map(|one| format!("; GPU {} is quarantined: {}", one.gpu.index, one.why));
        let more = match suitable.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!("; {more} more quarantined"),
        };
        format!("{needs}: {free} of {all} free, {missing} missing{}{more}", named.collect::<String>())
    }
}

impl QueuePosition {
    /// The code of the shortage's reason.
    pub fn code(&self) -> WaitCode {
        if self.head.is_some() { WaitCode::QueuePosition } else { WaitCode::Head }
    }

    /// The reason of a shortage, for a job that waits for something else than resources.
    pub fn reason(&self, name: impl Fn(&JobId) -> String) -> WaitingReason {
        WaitingReason::new(self.code(), self.message(false, &name))
    }

    /// The position of a job that waits for something that the plan does not decide. The caller numbers it.
    pub fn not_planned() -> Self {
        Self { number: 1, total: 1, head: None, starts_within: None, backfill: BackfillVerdict::NotPlanned }
    }

    /// `needs_quarantined`: whether the job could use accelerators that are in quarantine.
    fn message(&self, needs_quarantined: bool, name: &dyn Fn(&JobId) -> String) -> String {
        let position = format!("{} of {} in the queue", ordinal(self.number), self.total);
        let Some(head) = &self.head else {
            return match self.starts_within {
                _ if self.backfill == BackfillVerdict::NotPlanned => position,
                Some(span) => format!("{position}, starts within {} at the latest", span.ceil_seconds().rounded_up()),
                None if needs_quarantined => {
                    format!("{position}; its start time is unknown, because GPUs that it needs are quarantined")
                }
                None => format!(
                    "{position}; its start time is unknown, because jobs without a time limit hold what it needs"
                ),
            };
        };
        let others = match self.number.saturating_sub(2) {
            0 => String::new(),
            others => format!(" and {}", counted(others, "other")),
        };
        let position = format!("{position}, behind {}{others}", name(head));
        match &self.backfill {
            BackfillVerdict::DoesNotFit | BackfillVerdict::NotPlanned => position,
            BackfillVerdict::ReservedForUnknownStart { job } => format!(
                "{position}; it fits now, but the resources are reserved for {}, whose start time is unknown; only time \
                 limits of running jobs or of jobs ahead of it would help",
                name(job)
            ),
            BackfillVerdict::ReservedForEarlier => {
                format!("{position}; it fits now, but the resources are reserved for the jobs ahead of it")
            }
            BackfillVerdict::NextPass => {
                format!("{position}; it fits now and starts in the next pass of the scheduler")
            }
            BackfillVerdict::WithLimit { longest } => {
                let longest = Span::from_seconds(longest.as_seconds()).rounded_down();
                format!("{position}; it fits now and could start with a time limit of at most {longest}")
            }
        }
    }
}

/// How many accelerators one sentence names.
const MOST_NAMED: usize = 3;

/// `1st`, `2nd`, `3rd`, `4th`, `11th`, `21st`.
fn ordinal(number: u64) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}
