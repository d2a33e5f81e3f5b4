//! What was learned so far: a tree of what each part of a type asks for.

/// What a `Deserialize` asks a deserializer for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    /// A value of its own: a number, a text, bytes, `unit`.
    Plain(&'static str),
    UnitStruct(&'static str),
    /// It was given a deserializer and left it as it was.
    Nothing,
    /// `deserialize_any`.
    Any,
    /// `deserialize_ignored_any`.
    Ignored,
    /// `deserialize_identifier` where a value is.
    Name,
    /// It could not be seen.
    Opaque,
    /// It goes on below what is looked at.
    Deep,
    Option,
    Seq,
    Map,
    Newtype(&'static str),
    Tuple(Option<&'static str>, usize),
    /// A struct, or a variant with fields, which has its name elsewhere.
    Struct(Option<&'static str>, &'static [&'static str]),
    Enum(&'static str, &'static [&'static str]),
    UnitVariant,
    NewtypeVariant,
}

impl Asked {
    /// How many parts it has.
    fn arity(&self) -> usize {
        match self {
            Self::Option | Self::Seq | Self::Newtype(_) | Self::NewtypeVariant => 1,
            Self::Map => 2,
            Self::Tuple(_, len) => *len,
            Self::Struct(_, names) | Self::Enum(_, names) => names.len(),
            _ => 0,
        }
    }

    /// Whether it is one that a type may contain again: those have names.
    pub(super) fn is_named(&self) -> bool {
        matches!(self, Self::Newtype(_) | Self::Tuple(Some(_), _) | Self::Struct(Some(_), _) | Self::Enum(..))
    }

    /// The names of its parts, where one name too many may be an alias.
    fn aliases(&self) -> &'static [&'static str] {
        match self {
            Self::Struct(_, names) | Self::Enum(_, names) if names.len() > 1 => names,
            _ => &[],
        }
    }
}

/// How often values are made up for the parts before one, a different one each time.
pub(super) const ATTEMPTS: u8 = 8;

/// One place of a type.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) asked: Option<Asked>,
    pub(super) parts: Vec<Self>,
    /// Nothing is left to find out here, as deep as is allowed.
    pub(super) done: bool,
    /// The last run that came by.
    pub(super) seen: u32,
    /// How many of the same are on the way here, with this one; 0 for what has no name.
    pub(super) level: u8,
    /// The usual way in is closed: a struct is asked as a sequence, a variant by its index.
    pub(super) other_way: bool,
    pub(super) attempt: u8,
    /// The index that is being tried, to see how many of the names are other names for the same part.
    pub(super) probe: Option<usize>,
    /// How many parts the names are for, where it differs.
    pub(super) real: Option<usize>,
}

impl Node {
    /// Notes what is asked the first time.
    pub(super) fn open(&mut self, asked: Asked, level: u8) {
        self.probe = asked.aliases().len().checked_sub(1);
        self.level = level;
        self.asked = Some(asked);
    }

    /// Makes room for the parts.
    pub(super) fn furnish(&mut self) {
        if self.parts.is_empty() {
            self.parts.resize_with(self.arity(), Self::default);
        }
    }

    pub(super) fn arity(&self) -> usize {
        self.asked.as_ref().map_or(0, Asked::arity)
    }

    /// The first part of which something is left to find out.
    pub(super) fn next(&self) -> Option<usize> {
        self.parts.iter().position(|part| !part.done)
    }

    /// Forgets what was learned: nothing of it can be told.
    pub(super) fn close(&mut self, asked: Asked) {
        *self = Self { asked: Some(asked), done: true, seen: self.seen, ..Self::default() };
    }

    /// Finds out what is done along the way of run `run`.
    pub(super) fn settle(&mut self, run: u32, allowed: u8) {
        self.judge(allowed, |part| part.seen == run, |part| part.settle(run, allowed));
    }

    /// Finds out what is done once more may be looked at.
    pub(super) fn reopen(&mut self, allowed: u8) {
        self.judge(allowed, |_| true, |part| part.reopen(allowed));
    }

    fn judge(&mut self, allowed: u8, which: impl Fn(&Self) -> bool, judge: impl FnMut(&mut Self)) {
        if self.level > allowed {
            self.done = true;
            return;
        }
        self.parts.iter_mut().filter(|part| which(part)).for_each(judge);
        self.done = self.asked.is_some()
            && self.probe.is_none()
            && self.parts.len() == self.arity()
            && self.parts.iter().all(|part| part.done);
    }

    /// A run that led nowhere: changes the way for the next one, or gives a part up. Called as long as runs lead
    /// nowhere, it ends with everything done. `again` is whether other made-up values may be tried.
    pub(super) fn blame(&mut self, run: u32, again: bool) {
        if let Some(part) = self.parts.iter_mut().find(|part| !part.done)
            && part.seen == run
        {
            return part.blame(run, again);
        }
        match self.asked {
            None => self.close(Asked::Opaque),
            Some(Asked::Struct(..) | Asked::Enum(..)) if self.probe.is_some() => self.probe_on(),
            Some(Asked::Enum(..)) if !self.other_way => self.other_way = true,
            Some(Asked::Enum(..)) => {
                self.other_way = false;
                self.give_up(1);
            }
            Some(Asked::Struct(..)) if !self.other_way => self.give_up(1),
            Some(Asked::Struct(..) | Asked::Tuple(..) | Asked::Map) if again && self.attempt < ATTEMPTS => {
                self.attempt += 1;
            }
            _ => self.give_up(usize::MAX),
        }
    }

    fn give_up(&mut self, parts: usize) {
        self.parts
            .iter_mut()
            .filter(|part| !part.done)
            .take(parts)
            .for_each(|part| part.close(Asked::Opaque));
    }

    /// The index that was tried names no part. Where the first names none either, indices are not understood, and
    /// nothing is learned of aliases.
    fn probe_on(&mut self) {
        let last = self.arity().saturating_sub(1);
        self.probe = match self.probe {
            None | Some(0) => None,
            Some(index) if index == last => Some(0),
            Some(1) => None,
            Some(index) => Some(index - 1),
        };
    }

    /// The index that was tried names a part.
    pub(super) fn probe_hit(&mut self, index: usize) {
        let last = self.arity().saturating_sub(1);
        self.real = (index != last).then_some(index + 1);
        // The first does and the last does not: the end is between them.
        self.probe = if index == 0 && last > 1 { Some(last - 1) } else { None };
    }
}
