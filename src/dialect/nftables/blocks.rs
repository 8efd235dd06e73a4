//! What stands in the blocks of a file: tables with their chains, sets and objects.

use super::expr::Parser;
use super::fault::{Fault, Read};
use super::heads::base_words;
use super::lex::{End, Token};
use super::parse::{Piece, Reader, first_word};
use super::ruleset::{Declared, ElementSource, RuleSource, Set, TableFamily};
use super::syntax::{Expr, Word};

/// The longest name of a table, chain, set or object (`NFT_NAME_MAXLEN` less its end).
const NAME: usize = 255;

impl<'a> Reader<'a> {
    /// A statement of a table.
    pub(super) fn in_table(&mut self, family: TableFamily, table: Word<'a>, piece: Piece<'a>) {
        let mut parser = Parser::new(piece.text, piece.base, &self.file.defines);
        let word = first_word(piece.text);
        match (word, piece.end) {
            ("define" | "redefine" | "undefine" | "include", _) => return self.definition(piece),
            ("chain" | "set" | "map", End::Open) => {
                parser.bump();
                let name = parser.identifier().and_then(|name| parser.expect_end().map(|()| name));
                match name {
                    Ok(name) if word == "chain" => self.chain(family, table, name),
                    Ok(name) => self.set(family, table, name, word == "map"),
                    Err(fault) => {
                        self.fault(&fault);
                        self.skip_block();
                    }
                }
            }
            ("counter" | "quota" | "limit" | "ct" | "secmark" | "synproxy" | "flowtable", End::Open) => {
                self.file.skipped += 1;
                let found = object(&mut parser).and_then(|found| parser.expect_end().map(|()| found));
                match found {
                    Ok((kind, name)) => {
                        let said = self.object_block(kind);
                        self.file.ruleset.table_mut(family, table).objects.insert((kind, name.text), said);
                    }
                    Err(fault) => {
                        self.fault(&fault);
                        self.skip_block();
                    }
                }
            }
            ("flags" | "comment", _) => {
                let found = table_word(&mut parser).and_then(|dormant| parser.expect_end().map(|()| dormant));
                match found {
                    Ok(dormant) => self.file.ruleset.table_mut(family, table).dormant |= dormant,
                    Err(fault) => self.fault(&fault),
                }
            }
            _ => {
                self.error(piece.span(), "expected `chain`, `set`, `map` or an object of the table");
                if piece.end == End::Open {
                    self.skip_block();
                }
            }
        }
        self.separated();
    }

    /// The block of a chain.
    pub(super) fn chain(&mut self, family: TableFamily, table: Word<'a>, name: Word<'a>) {
        self.file.ruleset.table_mut(family, table).chain_mut(name);
        let opened = self.open();
        let mut rules = std::collections::VecDeque::new();
        let mut has_policy = false;
        self.scoped(|reader| {
            while let Some(piece) = reader.next_in_block(opened, false) {
                match first_word(piece.text) {
                    "type" | "policy" | "devices" => {
                        reader.base((family, table, name), piece, &mut has_policy);
                    }
                    "comment" | "flags" => reader.chain_word(piece),
                    "define" | "redefine" | "undefine" | "include" => reader.definition(piece),
                    _ => rules.push_back(RuleSource::Text(piece.text, piece.base)),
                }
                if piece.end == End::Close {
                    reader.separated();
                }
            }
        });
        let chain = self.file.ruleset.table_mut(family, table).chain_mut(name);
        if chain.rules.is_empty() {
            rules.shrink_to_fit();
            chain.rules = rules;
        } else {
            chain.rules.extend(rules);
        }
    }

    // `comment TEXT`, `flags offload`
    fn chain_word(&mut self, piece: Piece<'a>) {
        let mut parser = Parser::new(piece.text, piece.base, &self.file.defines);
        let found = if parser.token == Token::Word("comment") {
            parser.comment().map(drop)
        } else {
            parser.bump();
            if parser.eat_word("offload") { Ok(()) } else { parser.fault("`offload`") }
        };
        if let Err(fault) = found.and_then(|()| parser.expect_end()) {
            self.fault(&fault);
        }
    }

    /// `type T hook H [device D] priority P`, `policy P`.
    fn base(
        &mut self,
        (family, table, name): (TableFamily, Word<'a>, Word<'a>),
        piece: Piece<'a>,
        has_policy: &mut bool,
    ) {
        let defines = &self.file.defines;
        let mut parser = Parser::new(piece.text, piece.base, defines);
        let chain = self.file.ruleset.table_mut(family, table).chain_mut(name);
        let at = piece.span();
        let mut base = chain.base.take().unwrap_or_else(|| super::declared::no_base(at));
        let read = base_words(&mut parser, &mut base, family == TableFamily::Bridge, has_policy);
        chain.base = Some(base);
        if let Err(fault) = read {
            self.fault(&fault);
        }
    }

    /// The block of a set or map.
    pub(super) fn set(&mut self, family: TableFamily, table: Word<'a>, name: Word<'a>, is_map: bool) {
        self.file.ruleset.table_mut(family, table).set_mut(name);
        let opened = self.open();
        let mut declares = false;
        while let Some(piece) = self.next_in_block(opened, false) {
            if matches!(first_word(piece.text), "define" | "redefine" | "undefine" | "include") {
                self.definition(piece);
                continue;
            }
            let mut parser = Parser::new(piece.text, piece.base, &self.file.defines);
            let set = self.file.ruleset.table_mut(family, table).set_mut(name);
            declares |= matches!(first_word(piece.text), "type" | "typeof");
            let free = matches!(first_word(piece.text), "elements" | "auto-merge");
            if let Err(fault) = property(&mut parser, set, piece, is_map) {
                self.fault(&fault);
            } else if piece.end == End::Close && !free {
                self.separated();
            }
        }
        if !declares {
            self.error(name.span, "nothing says what this holds");
        }
    }

    /// The block of a counter, limit and the like.
    pub(super) fn object_block(&mut self, kind: &str) -> String {
        let opened = self.open();
        let mut said = kind.to_owned();
        while let Some(piece) = self.next_in_block(opened, false) {
            if matches!(first_word(piece.text), "define" | "redefine" | "undefine" | "include") {
                self.definition(piece);
                continue;
            }
            piece.text.split_whitespace().for_each(|word| said.extend([" ", word]));
            let mut parser = Parser::new(piece.text, piece.base, &self.file.defines);
            let found = parser.object_property(kind).and_then(|()| parser.expect_end());
            if let Err(fault) = found {
                self.fault(&fault);
            } else if piece.end == End::Close && !FREE.contains(&kind) {
                self.separated();
            }
        }
        said
    }
}

/// Objects whose words need no end of their own before the brace.
const FREE: [&str; 5] = ["counter", "limit", "quota", "secmark", "synproxy"];

// `flags dormant`, `comment TEXT`; whether the table is dormant.
fn table_word(parser: &mut Parser<'_, '_>) -> Read<bool> {
    if parser.token == Token::Word("comment") {
        return parser.comment().map(|_| false);
    }
    parser.bump();
    if parser.eat_word("dormant") {
        return Ok(true);
    }
    // `persist` is of later versions.
    if parser.eat_word("owner") || parser.eat_word("persist") {
        return Ok(false);
    }
    parser.fault("`dormant`, `owner` or `persist`")
}

/// The kind and name of an object of a table: `counter NAME`, `ct helper NAME`.
pub(super) fn object<'a>(parser: &mut Parser<'a, '_>) -> Read<(&'static str, Word<'a>)> {
    let Token::Word(word) = parser.token else { return parser.fault("an object") };
    parser.bump();
    let kind = match word {
        "counter" => "counter",
        "quota" => "quota",
        "limit" => "limit",
        "secmark" => "secmark",
        "synproxy" => "synproxy",
        "flowtable" => "flowtable",
        _ => {
            let Token::Word(word) = parser.token else { return parser.fault("`helper`") };
            let kind = match word {
                "helper" => "ct helper",
                "timeout" => "ct timeout",
                "expectation" => "ct expectation",
                _ => return parser.fault("`helper`, `timeout` or `expectation`"),
            };
            parser.bump();
            kind
        }
    };
    Ok((kind, parser.identifier()?))
}

// A property of a set or map.
fn property<'a>(parser: &mut Parser<'a, '_>, set: &mut Set<'a>, piece: Piece<'a>, is_map: bool) -> Read<()> {
    let behind = |word: &str| {
        let text = piece.text.get(word.len()..).unwrap_or("");
        (text, piece.base.saturating_add(u32::try_from(word.len()).unwrap_or(u32::MAX)))
    };
    let word = first_word(piece.text);
    match word {
        "type" | "typeof" => {
            let (text, base) = behind(word);
            set.declared =
                Some(if word == "type" { Declared::Types(text, base) } else { Declared::Like(text, base) });
            parser.declaration(word == "typeof", is_map)?;
        }
        "flags" => loop {
            parser.bump();
            match parser.token {
                Token::Word("dynamic" | "timeout") => set.changes = true,
                Token::Word("interval") => set.interval = true,
                Token::Word("constant") => {}
                _ => return parser.fault("`constant`, `interval`, `timeout` or `dynamic`"),
            }
            parser.bump();
            if parser.token != Token::Sign(b',') {
                break;
            }
        },
        "timeout" | "gc-interval" => {
            parser.bump();
            set.changes |= word == "timeout";
            set.expires |= word == "timeout";
            parser.duration()?;
        }
        "elements" => {
            parser.bump();
            if parser.token != Token::Sign(b'=') {
                return parser.fault("`=`");
            }
            let start = parser.span.end;
            let at = start.saturating_sub(piece.base) as usize;
            let text = piece.text.get(at..).unwrap_or("");
            parser.bump();
            if !matches!(parser.token, Token::Sign(b'{' | b'$')) {
                return parser.fault("`{` and elements");
            }
            set.elements.push(ElementSource::Text(text, start));
            return Ok(());
        }
        "auto-merge" => {
            parser.bump();
            set.merges = true;
        }
        "size" => {
            parser.bump();
            parser.figure()?;
        }
        "policy" => {
            parser.bump();
            if !(parser.eat_word("performance") || parser.eat_word("memory")) {
                return parser.fault("`performance` or `memory`");
            }
        }
        "comment" => drop(parser.comment()?),
        "counter" | "limit" | "quota" | "last" | "ct" => {
            while !parser.at_end() {
                parser.stateful()?;
            }
        }
        _ => return Err(Fault::new(piece.span(), "expected a property of the set")),
    }
    parser.expect_end()
}

impl<'a> Parser<'a, '_> {
    /// The name of a table, chain, set or object: a word that is none of the language's own.
    pub(super) fn identifier(&mut self) -> Read<Word<'a>> {
        let Token::Word(text) = self.token else {
            if self.token == Token::Sign(b'$') {
                return self.name();
            }
            return self.fault("a name");
        };
        let span = self.span;
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '.';
        // What is an address is no number to nft.
        let is_address = text.parse::<std::net::IpAddr>().is_ok();
        let wrong = if is_address {
            self.bump();
            return Ok(Word { text, span });
        } else if !text.starts_with(letter) {
            "a name begins with a letter"
        } else if super::names::is_word(text) {
            "a word of nft is no name"
        } else if text.len() > NAME {
            "this name is too long"
        } else if !text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c)) {
            "a name has letters, digits, `_`, `-`, `.` and `/`"
        } else {
            self.bump();
            return Ok(Word { text, span });
        };
        Err(Fault::new(span, format!("`{text}` is no name: {wrong}")))
    }

    // What a set or map holds, whose words are read where they are asked for.
    fn declaration(&mut self, is_expr: bool, is_map: bool) -> Read<()> {
        self.bump();
        self.types(is_expr)?;
        if !is_map {
            return Ok(());
        }
        if !self.eat(b':') {
            return self.fault("`:` and what the map gives");
        }
        let _ = self.eat_word("interval");
        if matches!(
            self.token,
            Token::Word("verdict" | "counter" | "quota" | "limit" | "secmark" | "synproxy")
        ) && self.peek() == Token::End
        {
            self.bump();
            return Ok(());
        }
        self.types(is_expr)
    }

    fn types(&mut self, is_expr: bool) -> Read<()> {
        if is_expr {
            let start = self.span;
            let is_load = |expr: &Expr<'_>| super::refusals::place(expr).is_some();
            return match self.concat(super::expr::Side::Left)? {
                Expr::Concat(parts) if parts.iter().all(is_load) => Ok(()),
                other if is_load(&other) && !matches!(other, Expr::Concat(_)) => Ok(()),
                _ => Err(Fault::new(start.to(self.last), "a type is that of something to look at")),
            };
        }
        loop {
            match self.token {
                Token::Word(_) => self.bump(),
                _ => return self.fault("a type"),
            }
            if !self.eat(b'.') {
                return Ok(());
            }
        }
    }

    // A property of an object of the table.
    fn object_property(&mut self, kind: &str) -> Read<()> {
        if self.token == Token::Word("comment") {
            return self.comment().map(drop);
        }
        match kind {
            "counter" => {
                for word in ["packets", "bytes"] {
                    if !self.eat_word(word) {
                        return self.fault(&format!("`{word}`"));
                    }
                    self.figure()?;
                }
                Ok(())
            }
            "quota" => self.quota_words(),
            "limit" => self.rate(),
            "secmark" => match self.token {
                Token::Quoted(_) => {
                    self.bump();
                    Ok(())
                }
                _ => self.fault("a security context in quotation marks"),
            },
            "synproxy" => self.synproxy_words(),
            "flowtable" => self.flowtable_property(),
            _ => self.conntrack_property(kind),
        }
    }

    fn flowtable_property(&mut self) -> Read<()> {
        match self.token {
            Token::Word("hook") => {
                self.bump();
                if !self.eat_word("ingress") {
                    return self.fault("`ingress`");
                }
                if !self.eat_word("priority") {
                    return self.fault("`priority`");
                }
                super::heads::priority(self, false).map(drop)
            }
            Token::Word("devices") => {
                self.bump();
                super::heads::devices(self, &mut Vec::new())
            }
            Token::Word("counter") => {
                self.bump();
                Ok(())
            }
            Token::Word("flags") => {
                self.bump();
                if self.eat_word("offload") { Ok(()) } else { self.fault("`offload`") }
            }
            _ => self.fault("a property of the flowtable"),
        }
    }

    fn conntrack_property(&mut self, kind: &str) -> Read<()> {
        let Token::Word(word) = self.token else { return self.fault("a property") };
        let start = self.span;
        self.bump();
        match (kind, word) {
            ("ct helper", "type") => {
                let Token::Quoted(_) = self.token else { return self.fault("a name in quotation marks") };
                self.bump();
                if self.eat_word("protocol") { self.transport() } else { self.fault("`protocol`") }
            }
            ("ct timeout" | "ct expectation", "protocol") => self.transport(),
            ("ct helper" | "ct timeout" | "ct expectation", "l3proto") => {
                if self.eat_word("ip") || self.eat_word("ip6") || self.eat_word("inet") {
                    return Ok(());
                }
                self.fault("`ip`, `ip6` or `inet`")
            }
            ("ct timeout", "policy") => self.timeouts(),
            ("ct expectation", "timeout") => self.duration(),
            ("ct expectation", "dport" | "size") => self.figure().map(drop),
            _ => Err(Fault::new(start, format!("`{word}` is no property of a `{kind}`"))),
        }
    }

    fn transport(&mut self) -> Read<()> {
        if self.eat_word("tcp") || self.eat_word("udp") { Ok(()) } else { self.fault("`tcp` or `udp`") }
    }

    // `= { established : 100, close : 4 }`
    fn timeouts(&mut self) -> Read<()> {
        self.expect(b'=')?;
        self.expect(b'{')?;
        loop {
            let Token::Word(_) = self.token else { return self.fault("a state") };
            self.bump();
            self.expect(b':')?;
            match self.token {
                Token::Word(word) if super::names::number(word).is_some() => self.bump(),
                _ => self.duration()?,
            }
            if self.eat(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
            if self.eat(b'}') {
                return Ok(());
            }
        }
    }
}
