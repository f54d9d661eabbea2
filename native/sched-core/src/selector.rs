//! Requirements on labels, with strings interned. Meaning: `labels.Requirement` of apimachinery.

use crate::input::{NodeSelectorTermInput, RequirementInput};
use crate::intern::{Interner, Symbol};

/// Labels sorted by key.
pub type Labels = Vec<(Symbol, Symbol)>;

pub fn label(labels: &Labels, key: Symbol) -> Option<Symbol> {
    labels.binary_search_by_key(&key, |entry| entry.0).ok().map(|at| labels[at].1)
}

pub fn intern_labels<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>, interner: &mut Interner) -> Labels {
    let mut labels: Labels = pairs.into_iter().map(|(k, v)| (interner.intern(k), interner.intern(v))).collect();
    labels.sort_unstable();
    labels
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt(Option<i64>),
    Lt(Option<i64>),
    /// An operator that does not exist: matches nothing.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    pub key: Symbol,
    pub operator: Operator,
    pub values: Vec<Symbol>,
}

impl Requirement {
    pub fn compile(input: &RequirementInput, interner: &mut Interner) -> Self {
        let number = || match input.values.as_slice() {
            [only] => only.parse().ok(),
            _ => None,
        };
        Self {
            key: interner.intern(&input.key),
            operator: match input.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                "Gt" => Operator::Gt(number()),
                "Lt" => Operator::Lt(number()),
                _ => Operator::Unknown,
            },
            values: input.values.iter().map(|value| interner.intern(value)).collect(),
        }
    }

    pub fn matches(&self, labels: &Labels, interner: &Interner) -> bool {
        let value = label(labels, self.key);
        let number = || value.and_then(|value| interner.text(value).parse::<i64>().ok());
        match self.operator {
            Operator::In => value.is_some_and(|value| self.values.contains(&value)),
            Operator::NotIn => value.is_none_or(|value| !self.values.contains(&value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt(bound) => bound.zip(number()).is_some_and(|(bound, number)| number > bound),
            Operator::Lt(bound) => bound.zip(number()).is_some_and(|(bound, number)| number < bound),
            Operator::Unknown => false,
        }
    }
}

/// One term of a node selector. A term without requirements matches no node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeTerm {
    expressions: Vec<Requirement>,
    /// The API allows one field, `metadata.name`, with In and NotIn.
    fields: Vec<Requirement>,
}

impl NodeTerm {
    pub fn compile(input: &NodeSelectorTermInput, interner: &mut Interner) -> Self {
        let mut compile = |list: &[RequirementInput]| list.iter().map(|r| Requirement::compile(r, interner)).collect();
        Self { expressions: compile(&input.match_expressions), fields: compile(&input.match_fields) }
    }

    pub fn matches(&self, name: Symbol, labels: &Labels, interner: &Interner) -> bool {
        if self.expressions.is_empty() && self.fields.is_empty() {
            return false;
        }
        self.fields.iter().all(|field| match field.operator {
            Operator::In => field.values.contains(&name),
            Operator::NotIn => !field.values.contains(&name),
            _ => false,
        }) && self.expressions.iter().all(|requirement| requirement.matches(labels, interner))
    }

    /// The only node names this term can match, when it pins them.
    pub fn pinned_names(&self) -> Option<Vec<Symbol>> {
        let mut names: Option<Vec<Symbol>> = None;
        for field in self.fields.iter().filter(|field| field.operator == Operator::In) {
            names = Some(match names {
                None => field.values.clone(),
                Some(names) => names.into_iter().filter(|name| field.values.contains(name)).collect(),
            });
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn requirements_match_as_label_selectors_do() {
        let mut interner = Interner::default();
        let pairs = BTreeMap::from([("zone".to_owned(), "a".to_owned()), ("cores".to_owned(), "8".to_owned())]);
        let labels = intern_labels(&pairs, &mut interner);
        for (key, operator, values, expected) in [
            ("zone", "In", vec!["a", "b"], true),
            ("zone", "In", vec!["b"], false),
            ("rack", "In", vec!["a"], false),
            ("zone", "NotIn", vec!["b"], true),
            ("zone", "NotIn", vec!["a"], false),
            ("rack", "NotIn", vec!["a"], true),
            ("zone", "Exists", vec![], true),
            ("rack", "Exists", vec![], false),
            ("rack", "DoesNotExist", vec![], true),
            ("cores", "Gt", vec!["7"], true),
            ("cores", "Gt", vec!["8"], false),
            ("cores", "Lt", vec!["9"], true),
            ("zone", "Lt", vec!["9"], false),
            ("cores", "Gt", vec!["x"], false),
            ("cores", "Gt", vec!["1", "2"], false),
            ("zone", "Near", vec!["a"], false),
        ] {
            let input = RequirementInput {
                key: key.into(),
                operator: operator.into(),
                values: values.iter().map(|&value| value.into()).collect(),
            };
            let requirement = Requirement::compile(&input, &mut interner);
            assert_eq!(requirement.matches(&labels, &interner), expected, "{key} {operator} {values:?}");
        }
    }
}
