//! Why a job waits: as numbers, and as sentences for people.
//!
//! A plan over thousands of jobs writes no text; a reader has it written for the few jobs that he looks at.

use crate::{
    capacity::{Gpu, same_model},
    id::JobId,
    job_spec::{decimal_text, gb_text},
    reason::{WaitCode, WaitingReason},
    text::counted,
    time::Span,
};

/// An accelerator that nobody holds and nobody gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedGpu {
    /// Which.
    pub gpu: Gpu,
    /// Why.
    pub why: String,
}

/// All that a job waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What there is not enough of.
    pub lacks: Vec<Lack>,
    /// Its place in the queue; `None` where the centre has become too small for it.
    pub turn: Option<QueuePosition>,
}

/// Something of which less is free than a job needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// What.
    pub thing: Thing,
    /// The accelerators' model, where only one will do.
    pub model: Option<String>,
    /// How much it needs, in thousandths of a core, in bytes, or in accelerators.
    pub wanted: u64,
    /// How much is free.
    pub free: u64,
    /// How much there is.
    pub all: u64,
}

/// What a centre hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// Cores.
    Cores,
    /// Memory.
    Memory,
    /// Accelerators.
    Gpus,
}

/// A place in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePosition {
    /// From 1.
    pub place: u64,
    /// How many wait.
    pub of: u64,
    /// The first of the queue; `None` where it is the first itself.
    pub ahead: Option<JobId>,
    /// How long it may take until it starts, at the most; known for the first alone, and not always.
    pub latest: Option<Span>,
    /// What keeps it from passing those before it.
    pub passing: BackfillVerdict,
}

/// What keeps a job from passing those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackfillVerdict {
    /// What it waits for is no matter of the queue.
    Apart,
    /// It does not fit now.
    Lacking,
    /// It fits, and would take what is kept for those before it.
    Reserved,
    /// It fits, and would take what is kept for one of which nobody knows when it starts.
    KeptFor {
        /// That one.
        job: JobId,
    },
    /// It fits, and would run too long.
    WithLimit {
        /// The longest limit with which it could run now.
        longest: Span,
    },
    /// It fits, and passes as soon as those have started that pass before it.
    Soon,
}

impl Wait {
    /// What it waits for, without the sentences.
    pub fn codes(&self) -> impl Iterator<Item = WaitCode> {
        self.lacks.iter().map(Lack::code).chain(self.turn.as_ref().map(QueuePosition::code))
    }

    /// The same, as people read it, with the accelerators of the centre that nobody gets.
    pub fn reasons(&self, quarantined: &[QuarantinedGpu]) -> Vec<WaitingReason> {
        let lacks = self.lacks.iter().map(|lack| WaitingReason::new(lack.code(), lack.message(quarantined)));
        let waits_for_unclean = self.lacks.iter().any(|lack| lack.quarantined(quarantined).next().is_some());
        let turn = self.turn.as_ref().map(|turn| WaitingReason::new(turn.code(), turn.message(waits_for_unclean)));
        lacks.chain(turn).collect()
    }
}

impl Lack {
    fn code(&self) -> WaitCode {
        match self.thing {
            _ if self.wanted > self.all => WaitCode::TooSmall,
            Thing::Cores => WaitCode::Cpu,
            Thing::Memory => WaitCode::Memory,
            Thing::Gpus => WaitCode::Gpu,
        }
    }

    /// Those that would do for it if they were clean.
    fn quarantined<'u>(&self, all: &'u [QuarantinedGpu]) -> impl Iterator<Item = &'u QuarantinedGpu> {
        let would_do = move |one: &&QuarantinedGpu| match (self.thing, &self.model) {
            (Thing::Gpus, Some(model)) => same_model(model, &one.gpu.model),
            (thing, _) => thing == Thing::Gpus,
        };
        all.iter().filter(would_do)
    }

    fn message(&self, quarantined: &[QuarantinedGpu]) -> String {
        let (what, text): (_, fn(u64) -> String) = match self.thing {
            Thing::Cores => ("core", decimal_text),
            Thing::Memory => ("GB of memory", gb_text),
            Thing::Gpus => ("GPU", |count| count.to_string()),
        };
        let (wanted, free, all) = (text(self.wanted), text(self.free), text(self.all));
        let plural = if self.thing == Thing::Memory || wanted == "1" { "" } else { "s" };
        let model = self.model.as_ref().map(|model| format!(" of model {model}")).unwrap_or_default();
        let needs = format!("needs {wanted} {what}{plural}{model}");
        if self.wanted > self.all {
            return format!("{needs} and the centre has {all} in all now: as things are it can never start");
        }
        let missing = text(self.wanted.saturating_sub(self.free));
        let (are, is) = (if free == "1" { "is" } else { "are" }, if missing == "1" { "is" } else { "are" });
        let lack = format!("{needs}, {free} of {all} {are} free, {missing} {is} missing");
        let aside: Vec<_> = self.quarantined(quarantined).collect();
        let named =
            aside.iter().take(MOST_NAMED).map(|one| format!("; GPU {} is not clean: {}", one.gpu.index, one.why));
        let more = match aside.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!("; and {more} more are not clean"),
        };
        format!("{lack}{}{more}", named.collect::<String>())
    }
}

impl QueuePosition {
    /// Its kind of reason.
    pub fn code(&self) -> WaitCode {
        if self.ahead.is_some() { WaitCode::QueuePosition } else { WaitCode::Head }
    }

    /// The same, as people read it.
    pub fn reason(&self) -> WaitingReason {
        WaitingReason::new(self.code(), self.message(false))
    }

    /// A place that is still to be counted, of a job that waits for something else than its turn.
    pub fn apart() -> Self {
        Self { place: 1, of: 1, ahead: None, latest: None, passing: BackfillVerdict::Apart }
    }

    fn message(&self, waits_for_unclean: bool) -> String {
        let Self { place, of, .. } = self;
        let Some(head) = &self.ahead else {
            let start = match self.latest {
                _ if self.passing == BackfillVerdict::Apart => return format!("is number 1 of {of} in the queue"),
                None if waits_for_unclean => {
                    "when it starts is not known, since nobody knows when what it needs becomes free".to_owned()
                }
                Some(latest) => format!("it starts within {} at the latest", span(latest, up)),
                None => "when it starts is not known, since what it needs is held without a time limit".to_owned(),
            };
            return format!("is number 1 of {of} in the queue: {start}");
        };
        let behind = counted(place.saturating_sub(1), "job");
        let place =
            format!("is number {place} of {of} in the queue: waits behind {behind} of which the first is {head}");
        match &self.passing {
            BackfillVerdict::Lacking | BackfillVerdict::Apart => place,
            BackfillVerdict::KeptFor { job } => format!(
                "{place}; it fits now, but what it would take is kept for {job}, of which nobody knows when it can start: \
                 only time limits of jobs that run or wait before it would help"
            ),
            BackfillVerdict::Reserved => {
                format!("{place}; it fits now and would take what is kept for those before it")
            }
            BackfillVerdict::Soon => format!("{place}; it fits now and starts with the next look at the queue"),
            BackfillVerdict::WithLimit { longest } => {
                let longest = span(*longest, down);
                format!("{place}; it fits now, and a time limit of at most {longest} would let it run now")
            }
        }
    }
}

/// How many accelerators one sentence names.
const MOST_NAMED: usize = 3;

/// A span of time in the two units that matter, rounded to the smaller one.
fn span(span: Span, round: fn(i64, i64) -> i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let seconds = round(span.or_zero().as_ms(), 1000);
    let in_units = |large: i64, small: i64, names: [&str; 2]| {
        let whole = round(seconds, small) * small;
        match (whole / large, whole % large / small) {
            (many, 0) => format!("{many} {}", names[0]),
            (many, few) => format!("{many} {} {few} {}", names[0], names[1]),
        }
    };
    match seconds {
        ..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => in_units(MINUTE, 1, ["min", "s"]),
        HOUR..DAY => in_units(HOUR, MINUTE, ["h", "min"]),
        _ => in_units(DAY, HOUR, ["d", "h"]),
    }
}

fn up(number: i64, unit: i64) -> i64 {
    number.div_euclid(unit) + i64::from(number.rem_euclid(unit) > 0)
}

fn down(number: i64, unit: i64) -> i64 {
    number.div_euclid(unit)
}
