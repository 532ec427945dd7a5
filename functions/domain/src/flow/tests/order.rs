//! The order of operators, and circles.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;
use sample::acyclic;

fn names(dag: &Dag) -> Vec<&str> {
    dag.in_order().iter().map(|id| dag.operators[id].name.as_str()).collect()
}

#[test]
fn each_operator_comes_after_those_it_waits_for() {
    assert_eq!(names(&dag("c: b; b: a; a")), ["a", "b", "c"]);
    assert_eq!(names(&dag("join: left right; left: start; right: start; start")), ["start", "left", "right", "join"]);
    assert_eq!(names(&dag("b; a")), ["b", "a"], "by id where nothing else decides");
}

#[test]
fn of_two_circles_one_is_named_in_full() {
    let error = check(&dag("a: b; b: a; c: b d; d: c; e: d a")).expect_err("refused");
    let DagError::Cycle(names) = error else { panic!("{error}") };
    assert!([["'a'", "'b'"], ["'c'", "'d'"]].iter().any(|circle| names == circle), "{names:?}");
}

proptest! {
    #[test]
    fn a_graph_without_a_circle_is_accepted_and_ordered(dag in acyclic()) {
        prop_assert_eq!(check(&dag), Ok(()));
        let order = dag.in_order();
        prop_assert_eq!(order.len(), dag.operators.len());
        let place = |id: OperatorId| order.iter().position(|other| *other == id).expect("every operator is placed");
        for id in dag.operators.keys() {
            for earlier in dag.upstream(*id) {
                prop_assert!(place(earlier) < place(*id), "{} before {}", earlier, id);
            }
        }
    }

    /// Closing a circle: some operator is made to wait for one that waits, over however many others, for it.
    #[test]
    fn a_circle_is_refused_and_named(mut dag in acyclic(), start in any::<Index>(), steps in proptest::collection::vec(any::<Index>(), 0..8)) {
        let ids: Vec<OperatorId> = dag.operators.keys().copied().collect();
        let first = ids[start.index(ids.len())];
        let mut last = first;
        for step in steps {
            let further: Vec<OperatorId> = dag.upstream(last).collect();
            if !further.is_empty() {
                last = further[step.index(further.len())];
            }
        }
        let output = dag.operators[&first].outputs[0];
        let closing = dag.operators.get_mut(&last).expect("it is there");
        closing.kind = function();
        closing.inputs.push(output);

        let Err(DagError::Cycle(circle)) = check(&dag) else { return Err(TestCaseError::fail("accepted")) };
        prop_assert_eq!(dag.in_order(), []);
        // Each named operator waits for the next, and the last for the first.
        let members: Vec<OperatorId> = circle.iter().map(|name| dag.id_of(name.trim_matches('\''))).collect();
        for (index, id) in members.iter().enumerate() {
            let next = members[(index + 1) % members.len()];
            prop_assert!(dag.upstream(*id).any(|waited_for| waited_for == next), "{:?}", circle);
        }
    }
}
