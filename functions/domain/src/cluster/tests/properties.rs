//! What holds over all lives of a cluster.

use super::world::{Happening, World};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn happening() -> impl Strategy<Value = Happening> {
    let run = || 1..=3_u128;
    let failures = proptest::sample::select(FailureClass::ALL);
    prop_oneof![
        4 => run().prop_map(Happening::Acquire),
        4 => run().prop_map(Happening::Release),
        2 => run().prop_map(Happening::PodStarts),
        1 => run().prop_map(Happening::PodEnds),
        1 => proptest::option::of(1..4_u32).prop_map(Happening::Create),
        2 => (1..4_u32).prop_map(Happening::Update),
        1 => (600..603_u32).prop_map(Happening::Keepalive),
        2 => Just(Happening::Delete),
        1 => Just(Happening::ForceDelete),
        1 => (0..2000_u16).prop_map(Happening::Wait),
        2 => Just(Happening::Tick),
        3 => any::<bool>().prop_map(|forget| Happening::Perform { forget }),
        7 => any::<usize>().prop_map(Happening::Begin),
        5 => any::<usize>().prop_map(Happening::Succeed),
        3 => (any::<usize>(), failures).prop_map(|(choice, class)| Happening::Fail(choice, class)),
        1 => any::<usize>().prop_map(Happening::FailUnbegun),
        1 => any::<usize>().prop_map(Happening::Vanish),
        2 => any::<usize>().prop_map(Happening::Repeat),
    ]
}

proptest! {
    /// At most one build at a time, no teardown of what is in use, no run forgotten, no setting lost: the world checks
    /// them after every step. And whatever happened, nothing is left once nobody needs the cluster.
    #[test]
    fn a_cluster_keeps_its_promises_whatever_happens(new: bool, happenings in vec(happening(), 0..50)) {
        let mut world = if new { World::new() } else { World::lived_in() };
        for happening in &happenings {
            world.step(happening);
        }
        prop_assert!(world.comes_to_rest(), "it ends up as {:?}", world.story.cluster.phase);
    }
}

/// Random lives are worth little if they never get anywhere: this one passes through every phase, and rests.
#[test]
fn a_plain_life_goes_through_the_whole_world() {
    use Happening::{Acquire, Begin, PodEnds, PodStarts, Release, Succeed, Tick, Update, Wait};
    let life = [
        (Acquire(1), Status::Creating),
        (Begin(0), Status::Creating),
        (Succeed(0), Status::Active),
        (PodStarts(1), Status::Active),
        (Update(3), Status::Updating),
        (Begin(0), Status::Updating),
        (Succeed(0), Status::Active),
        (Release(1), Status::Active),
        (Wait(1200), Status::Active),
        (Tick, Status::Active),
        (PodEnds(1), Status::Active),
        (Wait(1200), Status::Active),
        (Tick, Status::Terminating),
        (Begin(0), Status::Terminating),
        (Succeed(0), Status::Terminated),
    ];
    let mut world = World::new();
    for (happening, status) in &life {
        world.step(happening);
        assert_eq!(world.story.status(), *status, "after {happening:?}");
    }
    assert_eq!(world.story.cluster.settings.max_cpu_node, 3);
}
