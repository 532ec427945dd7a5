//! The minimum and the maximum of a node group change while the autoscaler changes its size: no node may go for that.

use crate::lab::{Cluster, Lab, RESOURCES};
use domain::diagnosis::Diagnosis;
use domain::failure::FailureClass;
use serde_json::{Value, json};

/// Makes the group one node larger, where it may be, whenever Terraform is about to look or to act.
const AUTOSCALER: &str = r#"
PATH=${PATH#*:}
if [[ " plan show apply " == *" $2 "* ]]; then
  size=$(aws eks describe-nodegroup GROUP --query nodegroup.scalingConfig.desiredSize --output text)
  aws eks update-nodegroup-config GROUP --scaling-config "desiredSize=$((size + 1))" >/dev/null 2>&1 || true
fi
exec terraform "$@"
"#;

/// What AWS answers one who may not change node groups.
const DENIED: &str = r#"
if [[ " $* " == *" update-nodegroup-config "* ]]; then
  echo >&2
  echo "An error occurred (AccessDeniedException) when calling the UpdateNodegroupConfig operation: User: arn:aws:iam::000000000000:user/data-team is not authorized to perform: eks:UpdateNodegroupConfig on resource: arn:aws:eks:us-east-1:000000000000:nodegroup/c/g/1 because no identity-based policy allows the eks:UpdateNodegroupConfig action" >&2
  exit 254
fi
PATH=${PATH#*:} exec aws "$@"
"#;

/// What EKS answers once while a group is changing.
const BUSY: &str = r#"
if [[ " $* " == *" update-nodegroup-config "* && ! -e $0.told ]]; then
  touch "$0.told"
  echo "An error occurred (ResourceInUseException) when calling the UpdateNodegroupConfig operation: Nodegroup already has an update in progress" >&2
  exit 254
fi
PATH=${PATH#*:} exec aws "$@"
"#;

/// However often the autoscaler is quicker than the build.
pub fn growing(lab: &Lab) {
    let mut cluster = lab.cluster("growing");
    cluster.set(json!({"max_cpu_node": 8}));
    cluster.build("apply").succeeded();
    assert_eq!(sizes(&cluster), [1, 8, 1]);
    cluster.set(json!({"max_cpu_node": 9}));
    let group = format!("--cluster-name ondemand-growing-g1 --nodegroup-name {}", group(&cluster));
    let path = cluster.path_with("terraform", &AUTOSCALER.replace("GROUP", &group));
    let build = cluster.start("apply", &[("PATH", &path)]);
    let ended = cluster.ended(build).succeeded();
    let journal = cluster.journal();
    let told = journal.iter().filter(|line| line["type"] == "aws_eks_node_group" && line["operation"] == "update");
    let told: Vec<u64> = told.filter_map(|line| line["values"]["scaling_config"][0]["desired_size"].as_u64()).collect();
    assert!(told.is_sorted(), "no node has gone: {told:?}");
    let [min, max, size] = sizes(&cluster);
    assert!([min, max] == [1, 9] && size > 5, "it grew before the new limits and after: {size}\n{}", ended.log);
    cluster.forget();
}

/// EKS refuses limits that the size is not within. A group that is made anew needs no such help.
pub fn moved(lab: &Lab) {
    let mut cluster = lab.cluster("moved");
    let mut resized = |settings: Value| {
        cluster.set(settings);
        let ended = cluster.build("apply").succeeded();
        (sizes(&cluster), ended.changes()[0], ended.log.contains(" nodes\n"))
    };
    let all = u64::try_from(RESOURCES.iter().map(|(_, count)| count).sum::<usize>()).expect("a number");
    assert_eq!(resized(json!({"max_cpu_node": 2})), ([1, 2, 1], all, false));
    assert_eq!(resized(json!({"min_cpu_node": 3, "max_cpu_node": 4})), ([3, 4, 3], 0, true), "up to the minimum");
    assert_eq!(resized(json!({"min_cpu_node": 0, "max_cpu_node": 4})), ([0, 4, 3], 0, true), "as it was");
    assert_eq!(resized(json!({"min_cpu_node": 0, "max_cpu_node": 2})), ([0, 2, 2], 0, true), "down to the maximum");
    let (sizes, added, resized) = resized(json!({"max_cpu_node": 5, "cpu_node_type": "m5.xlarge"}));
    assert!(sizes == [1, 5, 1] && added > 0 && !resized, "another group: {sizes:?} {added}");
    cluster.forget();
}

/// The words that AWS has for it reach whoever reads the diagnosis, as if Terraform had said them.
pub fn refused(lab: &Lab) {
    let mut cluster = lab.cluster("notresized");
    cluster.build("apply").succeeded();
    cluster.set(json!({"max_cpu_node": 2}));
    let path = cluster.path_with("aws", DENIED);
    let build = cluster.start("apply", &[("PATH", &path)]);
    let ended = cluster.ended(build);
    assert!(ended.code == Some(1) && ended.summary["stage"] == "apply", "{}", ended.log);
    assert!(cluster.is_free(), "nothing is left to go on with");
    let diagnosis = Diagnosis::read(&ended.events);
    let [found] = diagnosis.errors.as_slice() else { panic!("one error is told: {:#?}", diagnosis.errors) };
    assert_eq!(found.class, FailureClass::MissingPermission, "{found:#?}");
    assert_eq!(found.actions, ["eks:UpdateNodegroupConfig"], "{found:#?}");
    assert_eq!(found.resource.as_deref(), Some("aws_eks_node_group.this[\"cpu\"]"), "{found:#?}");
    assert!(!found.remedy.is_empty(), "{found:#?}");
    assert_eq!(sizes(&cluster), [1, 1, 1]);
    let path = cluster.path_with("aws", BUSY);
    let build = cluster.start("apply", &[("PATH", &path)]);
    let ended = cluster.ended(build).succeeded();
    assert!(ended.log.contains("already has an update in progress"), "{}", ended.log);
    assert_eq!(sizes(&cluster), [1, 2, 1]);
    cluster.forget();
}

/// The minimum, the maximum and the size of the CPU group.
fn sizes(cluster: &Cluster<'_>) -> [u64; 3] {
    let name = format!("ondemand-{}-g1", cluster.name());
    let described = ["eks", "describe-nodegroup", "--cluster-name", &name, "--nodegroup-name", &group(cluster)];
    let scaling = &cluster.aws(&described)["nodegroup"]["scalingConfig"];
    ["minSize", "maxSize", "desiredSize"].map(|size| scaling[size].as_u64().expect("a size"))
}

/// The name of the CPU group that was made last.
fn group(cluster: &Cluster<'_>) -> String {
    let journal = cluster.journal();
    let made = |line: &&Value| line["operation"] == "create" && line["type"] == "aws_eks_node_group";
    let mut names = journal.iter().filter(made).filter_map(|line| line["values"]["node_group_name"].as_str());
    names.rfind(|name| name.starts_with("cpu-")).expect("a CPU group").to_owned()
}
