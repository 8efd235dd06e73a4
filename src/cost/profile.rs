//! Reads profiles of platforms: those built in, and those users bring.

use super::device::Device;
use super::platform::{Model, Platform, Resource};
use crate::source::Span;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// Why a profile cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ProfileError {
    /// Where, in octets of the text.
    pub span: Span,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Reads the text of a profile of the user's (the schema is in `docs/platforms.md`). Its name is none of those built in:
/// two platforms of one name could not be told apart in reports and budgets.
pub fn parse_own(text: &str) -> Result<Platform, ProfileError> {
    let platform = parse(text)?;
    if by_name(&platform.name).is_some() {
        let message = format!("there is a platform `{}` already: give this one another name", platform.name);
        return Err(ProfileError { span: Place::Name(&platform.name).find(text), message });
    }
    Ok(platform)
}

/// Reads the text of a profile.
fn parse(text: &str) -> Result<Platform, ProfileError> {
    let platform: Platform = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        ProfileError {
            span: Span::new(span.start, span.end),
            message: error.message().trim().replace('\n', ", "),
        }
    })?;
    let wrong = |place: Place<'_>, message: String| Err(ProfileError { span: place.find(text), message });
    let plain = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if !plain(&platform.name) {
        let message = "a name is small letters, digits and `-`".to_owned();
        return wrong(Place::Name(&platform.name), message);
    }
    if platform.takes.is_empty() {
        let message = "it takes nothing: say `takes = [\"flow-routes\"]`, `[\"filters\"]` or both".to_owned();
        return wrong(Place::Start, message);
    }
    let mut names = BTreeSet::new();
    for (index, resource) in platform.resource.iter().enumerate() {
        let here = Place::Resource(index);
        if !plain(&resource.name) {
            return wrong(here, "a name is small letters, digits and `-`".to_owned());
        }
        if !names.insert(&resource.name) {
            let message = format!("there are two resources `{}`: give one another name", resource.name);
            return wrong(here, message);
        }
        if let Some(message) = flaw(resource) {
            return wrong(here, format!("`{}` {message}", resource.name));
        }
    }
    let shared = |r: &&Resource| matches!(r.model, Model::Registers(_)) && !r.each_rule_set;
    if platform.resource.iter().filter(shared).count() > 1 {
        let message = "a chip has one set of registers: two are given without `each-rule-set`".to_owned();
        return wrong(Place::Start, message);
    }
    for (index, refusal) in platform.refuse.iter().enumerate() {
        if refusal.below.is_some() && refusal.above > 0 {
            return wrong(Place::Refusal(index), "say `above` or `below`, not both".to_owned());
        }
    }
    Ok(platform)
}

/// What is wrong with a resource.
fn flaw(resource: &Resource) -> Option<&'static str> {
    if resource.limit.is_some() && resource.slices.is_some() {
        Some("has `limit` and `slices`: one of them says how much there is")
    } else if resource.hard && !resource.verified {
        Some("is hard and not verified: a deny never rests on such a figure, so leave out `hard`")
    } else if resource.hard && resource.holds().is_none() {
        Some("is hard without a limit: give `limit` or `slices`")
    } else if resource.chunk == Some(0) {
        Some("has chunks of nothing: leave out `chunk`")
    } else if resource.slices.is_some_and(|slices| slices.bits == 0 || slices.key_bits == 0) {
        Some("has slices without bits")
    } else if resource.slices.is_some_and(|slices| slices.entries() == 0) {
        Some("has slices that hold no key: there are too few side by side for its bits")
    } else {
        flaw_of_model(resource.model)
    }
}

/// What is wrong with a model: figures that nothing could be counted by.
fn flaw_of_model(model: Model) -> Option<&'static str> {
    match model {
        Model::Seconds { rate: 0 } => Some("has the rate 0: nothing would ever be programmed"),
        Model::Filters { terms: 0 } => Some("has filters of no terms: give `terms`"),
        Model::Registers(units) if units.range == 0 || units.bound == 0 || units.other == Some(0) => {
            Some("has comparisons that take no register: give their units")
        }
        Model::Octets(octets) => {
            let figures = [
                octets.base,
                octets.per_rule,
                octets.per_rule_beyond.unwrap_or(0.0),
                octets.per_nlri_octet,
                octets.per_component,
                octets.per_operand,
                octets.per_expanded,
                octets.per_element,
            ];
            let sane = figures.iter().all(|figure| (0.0..=MOST_OCTETS).contains(figure));
            (!sane).then_some("has octets that are no number from 0 to 2^50")
        }
        Model::Entries { .. }
        | Model::RuleSets
        | Model::Rules { .. }
        | Model::Policers
        | Model::Registers(_)
        | Model::Terms
        | Model::Filters { .. }
        | Model::Kernel { .. }
        | Model::Built { .. }
        | Model::Seconds { .. }
        | Model::SameDestination => None,
    }
}

/// Octets that one thing can take: a thousand times the memory of the largest machine.
const MOST_OCTETS: f64 = 1_125_899_906_842_624.0;

/// What of a profile is wrong.
enum Place<'a> {
    Start,
    Name(&'a str),
    Resource(usize),
    Refusal(usize),
}

impl Place<'_> {
    /// Where it stands in the text.
    fn find(&self, text: &str) -> Span {
        let nth = |header: &str, index: usize| {
            let mut at = 0;
            let starts = text.split_inclusive('\n').filter_map(|line| {
                let start = at;
                at += line.len();
                line.trim_start().starts_with(header).then_some((start, line.trim_end().len()))
            });
            starts.into_iter().nth(index)
        };
        let found = match self {
            Self::Start => nth("", 0),
            Self::Name(name) => text.find(&format!("\"{name}\"")).map(|at| (at, name.len() + 2)),
            Self::Resource(index) => nth("[[resource]]", *index),
            Self::Refusal(index) => nth("[[refuse]]", *index),
        };
        found.map_or_else(Span::default, |(start, length)| Span::new(start, start + length))
    }
}

/// The profiles, sorted by name.
static FILES: &[&str] = &[
    include_str!("platforms/alibaba-security-group.toml"),
    include_str!("platforms/arista-7280r.toml"),
    include_str!("platforms/asr9000-first-generation.toml"),
    include_str!("platforms/aws-network-acl.toml"),
    include_str!("platforms/aws-network-firewall.toml"),
    include_str!("platforms/aws-security-group.toml"),
    include_str!("platforms/azure-nsg.toml"),
    include_str!("platforms/bgpfs2acl.toml"),
    include_str!("platforms/bird.toml"),
    include_str!("platforms/bit-vectors.toml"),
    include_str!("platforms/catalyst-6500.toml"),
    include_str!("platforms/cisco-8000.toml"),
    include_str!("platforms/dpdk-acl.toml"),
    include_str!("platforms/exabgp.toml"),
    include_str!("platforms/extreme-npb.toml"),
    include_str!("platforms/extreme-slx.toml"),
    include_str!("platforms/frr.toml"),
    include_str!("platforms/gcp-firewall-policy.toml"),
    include_str!("platforms/gobgp.toml"),
    include_str!("platforms/huawei-ne8000-f.toml"),
    include_str!("platforms/ios.toml"),
    include_str!("platforms/ios-xr.toml"),
    include_str!("platforms/junos-mx.toml"),
    include_str!("platforms/junos-ptx.toml"),
    include_str!("platforms/linux-iptables.toml"),
    include_str!("platforms/linux-nftables.toml"),
    include_str!("platforms/ncs5500.toml"),
    include_str!("platforms/ncs55a2-mod-se-s.toml"),
    include_str!("platforms/ncs5700.toml"),
    include_str!("platforms/nokia-7210-sas.toml"),
    include_str!("platforms/nokia-7220-ixr-d2.toml"),
    include_str!("platforms/nokia-7220-ixr-d4.toml"),
    include_str!("platforms/nokia-sr-os.toml"),
    include_str!("platforms/qfx10000.toml"),
    include_str!("platforms/qfx3500.toml"),
    include_str!("platforms/qfx5100.toml"),
    include_str!("platforms/qfx5110.toml"),
    include_str!("platforms/qfx5120.toml"),
    include_str!("platforms/qfx5200.toml"),
    include_str!("platforms/qfx5220.toml"),
    include_str!("platforms/srx-simple-filter.toml"),
];

#[expect(clippy::expect_used, reason = "the profiles are built in and a test reads them all")]
static PLATFORMS: LazyLock<Vec<Device>> = LazyLock::new(|| {
    let read = |file: &&str| parse(file).expect("internal: a built-in profile does not read");
    FILES.iter().map(|file| Device::of(Arc::new(read(file)))).collect()
});

/// Every platform, sorted by name, as a device of which nothing else is known.
pub fn platforms() -> &'static [Device] {
    &PLATFORMS
}

/// The platform of that name, as a device of which nothing else is known.
pub fn by_name(name: &str) -> Option<&'static Device> {
    platforms().iter().find(|device| device.platform.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::feature::Effect;

    const PAGE: &str = include_str!("../../docs/platforms.md");

    #[test]
    fn every_profile_reads_and_names_are_sorted_and_distinct() {
        let names: Vec<&str> = platforms().iter().map(|d| d.platform.name.as_str()).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        for Device { platform, .. } in platforms() {
            assert!(!platform.takes.is_empty() && !platform.about.is_empty(), "{}", platform.name);
            assert!(!platform.resource.is_empty() || !platform.refuse.is_empty(), "{}", platform.name);
        }
        assert!(by_name("junos-mx").is_some() && by_name("nobody").is_none());
    }

    #[test]
    fn a_deny_never_rests_on_an_unverified_number() {
        for Device { platform, .. } in platforms() {
            for resource in &platform.resource {
                let what = format!("{}: {}", platform.name, resource.name);
                assert!(!resource.hard || resource.verified, "{what} is hard and not verified");
                assert!(!resource.hard || resource.holds().is_some(), "{what} is hard and has no limit");
                let ground = resource.source.chars().next();
                assert!(!resource.denies() || !matches!(ground, Some('E' | 'U')), "{what}: {ground:?}");
                assert!(!resource.verified || ground != Some('U'), "{what} is verified by nobody");
            }
            for refusal in &platform.refuse {
                let what = format!("{}: {}", platform.name, refusal.says);
                let denies = matches!(refusal.effect, Effect::Refused | Effect::DropsSession);
                assert!(!denies || refusal.verified, "{what} is not verified");
                assert!(!refusal.verified || !refusal.source.starts_with(['E', 'U']), "{what}");
            }
        }
    }

    #[test]
    fn every_source_and_every_platform_stands_on_the_page() {
        for Device { platform, .. } in platforms() {
            assert!(PAGE.contains(&format!("## {}\n", platform.name)), "no section for {}", platform.name);
            let resources = platform.resource.iter().map(|r| (&r.name, &r.source));
            let refusals = platform.refuse.iter().map(|r| (&r.says, &r.source));
            for (what, sources) in resources.chain(refusals) {
                for id in sources.split(", ") {
                    assert!(PAGE.contains(&format!("| {id} |")), "{}: {what}: source {id}", platform.name);
                }
            }
        }
    }

    const BOX: &str = "name = \"box\"\ntitle = \"Box\"\nabout = \"ours\"\ntakes = [\"filters\"]\n";
    const RESOURCE: &str =
        "[[resource]]\nname = \"lines\"\nunit = \"lines\"\nsource = \"ours\"\nverified = true\n";

    #[test]
    fn slices_side_by_side_hold_what_is_published() {
        let holds = |slices: &str| {
            let text =
                format!("{BOX}{RESOURCE}model = {{ counts = \"entries\" }}\nslices = {{ {slices} }}\n");
            parse(&text).unwrap().resource[0].holds()
        };
        // Nokia IXR-D4: two slices side by side for IPv4, three for IPv6, 2,048 each (S13).
        assert_eq!(holds("count = 2, entries = 2048, bits = 160, key-bits = 320"), Some(2048));
        assert_eq!(holds("count = 3, entries = 2048, bits = 160, key-bits = 480"), Some(2048));
        // Jericho: a key of 320 bits halves the entries of two banks (S2).
        assert_eq!(holds("count = 2, entries = 2048, bits = 160, key-bits = 160"), Some(4096));
        assert_eq!(holds("count = 3, entries = 768, bits = 160, key-bits = 161"), Some(768));
    }

    #[test]
    fn what_is_wrong_in_a_profile_is_said_at_its_place() {
        let lines = |rest: &str| format!("{BOX}{RESOURCE}model = {{ counts = \"rules\" }}\n{rest}");
        let model = |model: &str| format!("{BOX}{RESOURCE}model = {{ {model} }}\n");
        let cases = [
            (BOX.replace("\"box\"", "\"Big Box\""), "\"Big Box\"", "small letters"),
            (BOX.replace("[\"filters\"]", "[]"), "name = \"box\"", "say `takes"),
            (BOX.replace("takes", "take"), "take", "unknown field `take`"),
            (lines("limits = 5"), "limits", "unknown field `limits`"),
            (lines("limit = -5"), "-5", "invalid value"),
            (lines("hard = true"), "[[resource]]", "hard without a limit"),
            (lines("chunk = 0"), "[[resource]]", "leave out `chunk`"),
            (
                lines("slices = { count = 1, entries = 2048, bits = 160, key-bits = 320 }"),
                "[[resource]]",
                "hold no key",
            ),
            (model("counts = \"octets\", per-rule = inf"), "[[resource]]", "no number from 0"),
            (model("counts = \"octets\", per-rule = nan"), "[[resource]]", "no number from 0"),
            (model("counts = \"octets\", per-rule = 1e308"), "[[resource]]", "no number from 0"),
            (
                model("counts = \"octets\", per-rule = 1, per-expanded = -5.0"),
                "[[resource]]",
                "no number from 0",
            ),
            (model("counts = \"filters\", terms = 0"), "[[resource]]", "filters of no terms"),
            (model("counts = \"registers\", range = 0, bound = 0"), "[[resource]]", "take no register"),
            (lines("").replace("\"box\"", "\"frr\""), "\"frr\"", "a platform `frr` already"),
            (lines("").replace("rules", "roules"), "", "unknown variant `roules`"),
            (
                lines("").replace("verified = true", "verified = false\nhard = true\nlimit = 1"),
                "[[resource]]",
                "leave out `hard`",
            ),
            (
                lines(&format!("{RESOURCE}model = {{ counts = \"terms\" }}")),
                "[[resource]]",
                "two resources `lines`",
            ),
        ];
        for (text, place, message) in cases {
            let error = parse_own(&text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {error}");
            if !place.is_empty() {
                assert_eq!(text.get(error.span.range()), Some(place), "{text}: {error}");
            }
        }
        assert!(parse(BOX).is_ok());
    }
}
