//! Forms in which errors come beside Terraform's present ones.

use crate::diagnosis::{Diagnosis, Effect, Finding, PolicyKind, Verdict};
use crate::failure::FailureClass;
use serde_json::json;

fn found(log: &str) -> Vec<Finding> {
    Diagnosis::read(log).errors
}

#[test]
fn an_encoded_message_is_joined_and_comes_with_its_command() {
    const ENCODED: &str = "y9SN8p2Qb-Zs1rTq7_JkW4uVhXcEoLmAiDfGgRtYbNvMxKzP0aHjQwUe6I5lSdF3BnC_Oy8-rEjTkLpMqZxWvUsY";
    let (one, two, three) = (&ENCODED[..40], &ENCODED[40..80], &ENCODED[80..]);
    for after in [
        "\n\tstatus code: 403, request id: 4f6a9c1e",
        "",
        ".",
        "\n\n  on main.tf line 1, in resource \"aws_instance\" \"web\":",
    ] {
        for whole in [
            ENCODED.to_owned(),
            format!("{one}\n{two}\n{three}"),
            format!("{one}\n│ {two}\n│ {three}"),
            format!("\n{ENCODED}"),
        ] {
            let log = format!(
                "│ Error: Error launching source instance: UnauthorizedOperation: You are not authorized to perform this operation. Encoded authorization failure message: {whole}{after}"
            );
            let [finding] = &found(&log)[..] else { panic!("{log}") };
            let encoded = finding.encoded.as_ref().unwrap_or_else(|| panic!("{log}"));
            assert_eq!(encoded.message, ENCODED, "{log}");
            let command = format!("aws sts decode-authorization-message --encoded-message {ENCODED} ");
            assert!(encoded.decode_with.starts_with(&command) && finding.remedy.contains(&command), "{finding:#?}");
            assert_eq!((finding.class, finding.adding_permission_helps), (FailureClass::MissingPermission, None));
        }
    }
}

#[test]
fn every_kind_of_policy_gets_its_verdict() {
    for (words, kind) in [
        ("identity-based policy", PolicyKind::IdentityPolicy),
        ("resource-based policy", PolicyKind::ResourcePolicy),
        ("permissions boundary", PolicyKind::PermissionsBoundary),
        ("session policy", PolicyKind::SessionPolicy),
        ("service control policy", PolicyKind::ServiceControlPolicy),
        ("Resource Control Policy", PolicyKind::ResourceControlPolicy),
        ("VPC endpoint policy", PolicyKind::VpcEndpointPolicy),
        ("role trust policy", PolicyKind::TrustPolicy),
    ] {
        let head = "Error: AccessDenied: User: arn:aws:iam::123456789012:user/u is not authorized to perform: kms:CreateKey on resource: *";
        let implicit = found(&format!("{head} because no {words} allows the kms:CreateKey action"));
        let verdict = Verdict { effect: Effect::NotAllowed, policy: Some(kind), policy_arn: None };
        let helps = kind == PolicyKind::IdentityPolicy;
        assert_eq!((implicit[0].verdict.as_ref(), implicit[0].adding_permission_helps), (Some(&verdict), Some(helps)));
        assert_eq!(implicit[0].remedy.starts_with("Add this action"), helps, "{}", implicit[0].remedy);
        let arn = "arn:aws:organizations::1:policy/o-1/x/p-1";
        for (tail, policy_arn) in [("", None), (": arn:aws:organizations::1:policy/o-1/x/p-1", Some(arn.to_owned()))] {
            let explicit = found(&format!("{head} with an explicit deny in a {words}{tail}"));
            let verdict = Verdict { effect: Effect::ExplicitDeny, policy: Some(kind), policy_arn };
            assert_eq!((explicit[0].class, explicit[0].verdict.as_ref()), (FailureClass::ExplicitDeny, Some(&verdict)));
            assert!(explicit[0].remedy.contains("adding an allow does not help"), "{}", explicit[0].remedy);
        }
    }
}

#[test]
fn the_holder_of_a_lock_is_named() {
    let log = "Error: Error acquiring the state lock\n\nError message: ConditionalCheckFailedException: The conditional request failed\nLock Info:\n  ID:        a1b2c3d4\n  Path:      b/k\n  Operation: OperationTypeApply\n  Who:       root@ip-10-0-0-1\n  Version:   1.11.4\n  Created:   2026-11-22 14:00:00.5 +0000 UTC\n  Info:      ";
    let [finding] = &found(log)[..] else { panic!() };
    let lock = json!({"id": "a1b2c3d4", "who": "root@ip-10-0-0-1", "created": "2026-11-22 14:00:00.5 +0000 UTC", "operation": "OperationTypeApply"});
    assert_eq!(json!(finding.lock), lock);
    assert!(finding.remedy.contains("root@ip-10-0-0-1") && finding.remedy.contains("terraform force-unlock a1b2c3d4"));
}

#[test]
fn lines_of_other_programs_count_if_they_are_errors_beyond_doubt() {
    for (line, class, actions) in [
        (
            "fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden",
            FailureClass::MissingPermission,
            &["s3:GetObject"][..],
        ),
        (
            "An error occurred (UnauthorizedOperation) when calling the CreateVpc operation: You are not authorized to perform this operation.",
            FailureClass::MissingPermission,
            &["ec2:CreateVpc"],
        ),
        (
            "User: arn:aws:iam::123456789012:user/kk is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/eks",
            FailureClass::MissingPermission,
            &["iam:PassRole"],
        ),
        (
            "Resource handler returned message: \"denied (Service: Eks, Status Code: 403; Error Code: AccessDenied; Request ID: 1; Proxy: null)\"",
            FailureClass::MissingPermission,
            &[],
        ),
        (
            "An error occurred (AuthFailure) when calling the ReleaseAddress operation: You do not have permission to access the specified resource.",
            FailureClass::Dependency,
            &["ec2:ReleaseAddress"],
        ),
        (
            "botocore.exceptions.ClientError: An error occurred (InvalidParameterException) when calling the CreateNodegroup operation: Requested Nodegroup release version 1.14.8-20191213 is invalid. Allowed release version is 1.14.9-20200228",
            FailureClass::Version,
            &["eks:CreateNodegroup"],
        ),
        ("upload failed: ./plan to s3://my-state/plan Unable to locate credentials", FailureClass::Credentials, &[]),
        (
            "The SSO session associated with this profile has expired or is otherwise invalid.",
            FailureClass::Credentials,
            &[],
        ),
        (
            "[x] AWS::EKS::AccessEntry/AccessEntry: CREATE_FAILED: \"Resource handler returned message: \"in use (Service: Eks, Status Code: 409, Request ID: 1)\" (RequestToken: 2, HandlerErrorCode: AlreadyExists)\"",
            FailureClass::NameClash,
            &[],
        ),
        ("You must be logged in to the server (Unauthorized)", FailureClass::KubernetesUnauthorized, &[]),
        ("curl: (7) Failed to connect: Connection refused, will retry", FailureClass::Unknown, &[]),
        ("An error occurred (404) when calling the HeadObject operation: Not Found", FailureClass::Unknown, &[]),
        ("INFO retrying, AccessDeniedHandler was installed", FailureClass::Unknown, &[]),
    ] {
        let log = format!("Downloading things\n\n{line}\n\nDone.");
        let errors = found(&log);
        if class == FailureClass::Unknown {
            assert_eq!(errors, [], "{line}");
        } else {
            assert_eq!((errors[0].class, errors[0].message.as_str()), (class, line));
            assert_eq!(errors[0].actions, actions, "{line}");
        }
    }
}

#[test]
fn a_refusal_that_is_not_known_is_told_in_its_own_words() {
    let line = "An error occurred (TotallyNewCode) when calling the DoThings operation: no";
    let errors = found(&format!("+ aws do things\n\n{line}\n"));
    assert_eq!((errors[0].class, errors[0].message.as_str()), (FailureClass::Unknown, line));
    assert_eq!((errors[0].code.as_deref(), errors[0].remedy.as_str()), (Some("TotallyNewCode"), ""));
}

#[test]
fn what_something_writes_before_each_line_of_a_box_is_no_part_of_it() {
    let text = [
        "╷",
        "│ Error: creating EC2 VPC: VpcLimitExceeded: The maximum number of VPCs has",
        "│ been reached.",
        "│ ",
        "│   with aws_vpc.this,",
        "╵",
    ];
    for prefix in [
        "api-1  | ",
        "14:41:42 ",
        "[14:41:42.123] ",
        "node \u{1b}[1mapply\u{1b}[0m terraform: ",
        "2026-11-22T14:00:00.123Z job/7 ",
    ] {
        let log: String = text.iter().map(|line| format!("{prefix}{line}\n")).collect();
        let errors = found(&format!("{log}{prefix}Creating...\n{log}plain text\n"));
        assert_eq!((errors.len(), errors[0].times), (1, 2), "{log}");
        assert_eq!((errors[0].class, errors[0].resource.as_deref()), (FailureClass::Quota, Some("aws_vpc.this")));
        assert!(!errors[0].message.contains(prefix.trim()), "{errors:#?}");
    }
}

#[test]
fn lists_of_old_terraforms_are_taken_apart() {
    let log = "Error: Error applying plan:\n\n2 error(s) occurred:\n\n* aws_security_group.workers (destroy): 1 error(s) occurred:\n\n* aws_security_group.workers: DependencyViolation: resource sg-0a1b2c3d has a dependent object\n\tstatus code: 400, request id: 1b2c3d4e\n* module.eks.aws_vpc.this: Error creating VPC: VpcLimitExceeded: The maximum number of VPCs has been reached.\n\nTerraform does not automatically rollback in the face of errors.";
    let errors = found(log);
    let read: Vec<_> =
        errors.iter().map(|error| (error.class, error.resource.as_deref().unwrap_or_default())).collect();
    let expected =
        [(FailureClass::Dependency, "aws_security_group.workers"), (FailureClass::Quota, "module.eks.aws_vpc.this")];
    assert_eq!(read, expected, "{errors:#?}");
    let nested = "Error: Error applying plan:\n\n1 error occurred:\n\t* module.a.aws_iam_role.b: 1 error occurred:\n\t* aws_iam_role.b: Error creating IAM Role c: EntityAlreadyExists: Role with name c already exists.\n\tstatus code: 409, request id: 1\n";
    let [clash] = &found(nested)[..] else { panic!("{nested}") };
    assert_eq!((clash.class, clash.resource.as_deref()), (FailureClass::NameClash, Some("aws_iam_role.b")));
    assert_eq!(clash.actions, ["iam:CreateRole"]);
}

#[test]
fn a_box_may_have_lost_its_sides_its_ends_and_its_empty_lines() {
    let frame = "with module.x.aws_vpc.this[\"k\"],\n  on main.tf line 5, in resource \"aws_vpc\" \"this\":\n   5: resource \"aws_vpc\" \"this\" {";
    let text = "Error: creating EC2 VPC: operation error EC2: CreateVpc, https response error\nStatusCode: 400, RequestID: 1, api error VpcLimitExceeded: The maximum number of VPCs has been reached.";
    for log in [
        format!("╷\n│ {text}\n│ \n│   {frame}\n╵"),
        format!("╷\n│ {text}\n│ \n│   {frame}\n"),
        format!("│ {text}\n│\n│   {frame}"),
        format!("{text}\n  {frame}\n"),
        format!("[31m╷[0m\n[31m│[0m {text}\n[31m│[0m\n[31m│[0m   {frame}\n[31m╵[0m"),
        format!("â•·\nâ”‚ {text}\nâ”‚\nâ”‚   {frame}\nâ•µ"),
    ] {
        let [finding] = &found(&log)[..] else { panic!("{log}") };
        assert_eq!(
            (finding.class, finding.actions.as_slice()),
            (FailureClass::Quota, &["ec2:CreateVpc".to_owned()][..])
        );
        assert_eq!(finding.resource.as_deref(), Some("module.x.aws_vpc.this[\"k\"]"), "{log}");
        assert_eq!(finding.location.as_deref(), Some("main.tf line 5"), "{log}");
    }
}

#[test]
fn whole_documents_and_repeated_summaries_are_read() {
    let diagnostic = json!({"severity": "error", "summary": "creating EC2 VPC: AccessDenied: \"no\"", "detail": "d", "address": "aws_vpc.a"});
    let validate = json!({"format_version": "1.0", "valid": false, "diagnostics": [diagnostic]});
    let event = json!({"@level": "error", "@message": "x", "type": "diagnostic", "diagnostic": diagnostic}).to_string();
    let echo = r#"Error: creating EC2 VPC: AccessDenied: \"no\""#;
    let messages = json!({"events": [{"timestamp": 1, "message": format!("{event}\n")}, {"timestamp": 2, "message": "[Container] 2026/11/22 14:00:00 Phase complete: BUILD"}]});
    let pretty = serde_json::to_string_pretty(&validate).expect("JSON");
    for log in [
        validate.to_string(),
        pretty,
        messages.to_string(),
        format!("{event}\n{echo}\n"),
        format!("{echo}\n{echo}\n{event}"),
    ] {
        let errors = found(&log);
        assert_eq!(errors.len(), 1, "{log}\n{errors:#?}");
        assert_eq!((errors[0].resource.as_deref(), errors[0].times), (Some("aws_vpc.a"), 1));
    }
}

#[test]
fn a_log_without_errors_shows_none() {
    let log = "Initializing the backend...\naws_iam_role.AccessDenied: Creating...\naws_iam_role.AccessDenied: Creation complete after 1s [id=AccessDenied]\n\nApply complete! Resources: 1 added, 0 changed, 0 destroyed.\n\nOutputs:\n\nname = \"ThrottlingLimitExceeded\"\n";
    for log in ["", "\n\n", "{}", "[]", "\u{feff}", log] {
        assert_eq!(Diagnosis::read(log), Diagnosis::default(), "{log}");
    }
}
