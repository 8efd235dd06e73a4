//! What daemons show of routes that we announce to them, with communities of every kind: it reads as what was announced,
//! as far as it is shown.

use super::*;

#[test]
fn gobgp_shows_what_we_announce() {
    let (Some(gobgpd), Some(gobgp)) = (program("gobgpd"), program("gobgp")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let [own, api] = free_ports();
    let api = api.to_string();
    let _daemon = start_gobgp(&gobgpd, folder.path(), port, own, &api);
    let mut session =
        Session::accept(&listener, US, LIMIT).unwrap_or_else(|e| panic!("{e}\n{}", log(folder.path())));
    let ours = rules(count(2000), Limits { values: 4, unequal: true, labels: true }, 6);
    let asked = announce(&mut session, &ours, Numbers(7));
    let mut compared = 0;
    for form in [&["-j"][..], &[]] {
        for set in &ours.rule_sets {
            let family = if set.family == Family::Inet6 { "ipv6-flowspec" } else { "ipv4-flowspec" };
            let arguments: Vec<&str> =
                ["-p", &api, "global", "rib", "-a", family].into_iter().chain(form.iter().copied()).collect();
            let shown = wait_for(LIMIT, || {
                _ = session.updates(Duration::from_millis(50), Duration::from_millis(200));
                let text = run(&gobgp, &arguments).ok()?;
                let reading = read("gobgp", &text);
                (reading.document.rule_count() >= set.rules.len()).then_some(reading)
            });
            let shown = shown
                .unwrap_or_else(|| panic!("not all {} are shown\n{}", set.rules.len(), log(folder.path())));
            let theirs: Vec<Rule<'_>> = shown.document.rule_sets.iter().flat_map(|set| &set.rules).collect();
            assert_eq!(theirs.len(), set.rules.len());
            for (rule, entry) in set.rules.iter().zip(theirs) {
                let mut actions = Actions::accept();
                for community in &asked[rule.name] {
                    actions.push_community(community, None, Span::default()).unwrap();
                }
                let condition = Condition::and([rule.condition.clone(), actions.interfaces()]);
                let sent = (&condition, actions.outcome(), actions.beside());
                let shown = (entry.condition, entry.outcome, entry.actions.into());
                assert_eq!(shown, sent, "{}: {:?}", rule.name, asked[rule.name]);
                compared += 1;
            }
        }
    }
    println!("gobgp: {compared} rules shown as they were announced, in text and JSON");
}

#[test]
fn frr_shows_what_we_announce() {
    let (Some(bgpd), Some(vtysh)) = (program("bgpd"), program("vtysh")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let [port] = free_ports();
    let ours = rules(count(2000), Limits { values: 5, unequal: false, labels: true }, 3);
    let file = path.join("bgpd.conf");
    std::fs::write(
        &file,
        "router bgp 65001\n bgp router-id 192.0.2.1\n no bgp ebgp-requires-policy\n neighbor 127.0.0.1 remote-as 65002\n \
         neighbor 127.0.0.1 passive\n address-family ipv4 flowspec\n  neighbor 127.0.0.1 activate\n exit-address-family\n \
         address-family ipv6 flowspec\n  neighbor 127.0.0.1 activate\n exit-address-family\n",
    )
    .unwrap();
    let (number, pid) = (port.to_string(), path.join("pid"));
    let arguments = [
        "-f",
        file.to_str().unwrap(),
        "-Z",
        "-S",
        "-p",
        &number,
        "-l",
        "127.0.0.1",
        "-i",
        pid.to_str().unwrap(),
        "--vty_socket",
        path.to_str().unwrap(),
    ];
    // It may give up its rights: the folder is everybody's.
    std::process::Command::new("chmod").args(["-R", "a+rwX", path.to_str().unwrap()]).status().unwrap();
    let _daemon = Program::start(&bgpd, arguments, &[], &path.join("log")).unwrap();
    let to = ([127, 0, 0, 1], port).into();
    let mut session = Session::connect(to, US, LIMIT).unwrap_or_else(|e| panic!("{e}\n{}", log(path)));
    let asked = announce(&mut session, &ours, Numbers(5));
    let mut compared = [0; 3];
    for set in &ours.rule_sets {
        let family = if set.family == Family::Inet6 { "ipv6" } else { "ipv4" };
        let command = format!("show bgp {family} flowspec detail");
        let shown = wait_for(LIMIT, || {
            // What it sends back is not looked at.
            _ = session.updates(Duration::from_millis(50), Duration::from_millis(200));
            let text = run(&vtysh, ["--vty_socket", path.to_str().unwrap(), "-c", &command]).ok()?;
            let entries = text.matches("BGP flowspec entry").count();
            (entries >= set.rules.len()).then(|| read("frr", &format!("{command}\n{text}")))
        });
        let shown = shown.unwrap_or_else(|| panic!("not all {} are shown\n{}", set.rules.len(), log(path)));
        let theirs: Vec<Rule<'_>> = shown.document.rule_sets.iter().flat_map(|set| &set.rules).collect();
        let mut theirs = theirs.as_slice();
        for rule in &set.rules {
            // The destination is each rule's own, and decides the order.
            let own = |entry: &&Rule<'_>| {
                entry.condition.tests().first().map(|test| test.values())
                    == rule.condition.tests().first().map(|test| test.values())
            };
            let entries;
            (entries, theirs) = theirs.split_at(theirs.iter().take_while(own).count());
            assert!(!entries.is_empty(), "{} is not shown in its place", rule.name);
            compared[is_as_announced(&rule, &asked[rule.name], entries)] += 1;
        }
        assert!(theirs.is_empty());
    }
    let [same, open, between] = compared;
    println!(
        "frr: {same} rules shown as they were announced, {open} but for what goes on, {between} between bounds"
    );
    assert!(compared.iter().all(|count| *count > 100), "{compared:?}");
}

/// Announces the rules, each with communities of its own; these by the rule's name.
fn announce<'r>(
    session: &mut Session,
    ours: &'r Document,
    mut numbers: Numbers,
) -> BTreeMap<&'r str, Vec<Community>> {
    let mut asked = BTreeMap::new();
    for set in &ours.rule_sets {
        let table = if set.family == Family::Inet6 { Table::Ipv6 } else { Table::Ipv4 };
        for rule in &set.rules {
            let communities = communities(&mut numbers);
            session.announce(table, rule.nlri.as_ref().unwrap(), &communities, US.asn).unwrap();
            asked.insert(rule.name, communities);
        }
    }
    asked
}

/// Communities of a route, any kind that FRR takes.
fn communities(numbers: &mut Numbers) -> Vec<Community> {
    let value = |numbers: &mut Numbers| -> [u8; 6] { std::array::from_fn(|_| numbers.small(256)) };
    let mut list = Vec::new();
    for (kind, subtype) in [
        (0x80, 0x06),
        (0x80, 0x07),
        (0x80, 0x08),
        (0x81, 0x08),
        (0x82, 0x08),
        (0x80, 0x09),
        (1, 0x0c),
        (0x80, 0x0c),
        (0x07, 0x02),
        (0x08, 0x00),
    ] {
        if numbers.below(5) > 0 {
            continue;
        }
        let six = value(numbers);
        let (number, bits) = (six[3], six[5]);
        let [b2, c2, d2, e2] = [0.0, 1.0, 9600.0, 1e9_f32][numbers.small::<usize>(4)].to_be_bytes();
        let octets = match subtype {
            0x07 => [kind, subtype, 0, 0, 0, 0, 0, bits & 3],
            0x09 => [kind, subtype, 0, 0, 0, 0, 0, bits & 63],
            0x0c if kind == 1 => [kind, subtype, 192, 0, 2, number, 0, bits & 1],
            0x06 | 0x0c => [kind, subtype, 0, 0, b2, c2, d2, e2],
            0x02 => [kind, subtype, 0, 1, 2, number, bits | 0x40, bits],
            0x00 => [kind, subtype, 0, 0, 0, 0, 0, bits & 1],
            _ => {
                let mut octets = [kind, subtype, 0, 0, 0, 0, 0, 0];
                octets[2..].copy_from_slice(&six);
                octets
            }
        };
        list.push(Community::Short(octets));
    }
    list
}

/// The first twelve characters of the target a packet is redirected to.
fn target(action: &Action) -> Option<String> {
    let text = match action {
        Action::RedirectTarget(_) => describe(action).replace('L', ""),
        Action::Other(words) => words.to_string(),
        _ => return None,
    };
    Some(
        text.rsplit_once(' ')
            .filter(|(head, _)| head.contains("redirect"))?
            .1
            .trim_start_matches("RT:")
            .chars()
            .take(12)
            .collect(),
    )
}

/// Whether a route is shown as it was announced (0), but for whether later rules count (1), or so that what it matches
/// lies between bounds (2). What it asks for is the same but for that.
fn is_as_announced(rule: &Rule<'_>, communities: &[Community], entries: &[Rule<'_>]) -> usize {
    let mut actions = Actions::accept();
    for community in communities {
        actions.push_community(community, None, Span::default()).unwrap();
    }
    let has = |kind: u8, subtype: u8| {
        communities.iter().any(|c| matches!(c, Community::Short([k, s, ..]) if (*k, *s) == (kind, subtype)))
    };
    let (unclear, is_somewhere) = (has(0x80, 0x07) || has(0x80, 0x0c), has(0x07, 0x02));
    for entry in entries {
        let (targets, others) = told(entry.actions);
        let (sent_targets, sent_others) = told(&actions.beside());
        let is_same = others == sent_others
            && targets.len() == sent_targets.len()
            && targets.iter().all(|shown| {
                let cut = |sent: &Action| matches!(shown, Action::Other(_)) && target(shown) == target(sent);
                sent_targets.iter().any(|sent| shown == sent || cut(sent))
            });
        assert!(is_same, "{}: {communities:?} is shown as {:?}", rule.name, entry.actions);
    }
    let of = |is: bool| {
        let entries = entries.iter().filter(|entry| (entry.outcome == actions.outcome()) == is);
        Condition::or(entries.map(|entry| entry.condition.clone()))
    };
    let (either, otherwise) = (of(true), of(false));
    if !unclear && !is_somewhere && !either.has_opaque() {
        assert_eq!((&either, otherwise), (rule.condition, Condition::False), "{}", rule.name);
        return 0;
    }
    let mut spaces = Spaces::new(Model::real(), &limits::RULE_SET_NODES);
    let (sent, shown) = (spaces.of(rule.condition).unwrap(), spaces.of(&either).unwrap());
    let otherwise = spaces.of(&otherwise).unwrap();
    let (over, under) = (spaces.over(shown).unwrap(), spaces.under(shown).unwrap());
    let otherwise = spaces.under(otherwise).unwrap();
    assert!(spaces.is_subset(sent, over).unwrap(), "{} takes more than is shown", rule.name);
    assert!(spaces.is_subset(under, sent).unwrap(), "{} takes less than is shown", rule.name);
    assert!(
        otherwise.is_empty() && (under.is_empty() || !is_somewhere),
        "{} is shown as something else",
        rule.name
    );
    let is_known = over == sent;
    if is_known { 1 } else { 2 }
}

/// Actions that FRR shows: targets, and others. Of a traffic-action it shows only that there is one, of a rate in
/// packets and of a set of interfaces the type, of a target twelve characters.
fn told(actions: &[Action]) -> (Vec<Action>, Vec<Action>) {
    let is_told = |action: &&Action| match action {
        Action::Sample | Action::InterfaceSet { .. } => false,
        Action::RateLimit(rate) => rate.unit == RateUnit::OctetsPerSecond,
        Action::Other(words) => !words.starts_with("FS:action") && !words.starts_with("UNK:"),
        _ => true,
    };
    actions.iter().filter(is_told).cloned().partition(|action| target(action).is_some())
}
