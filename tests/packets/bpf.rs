//! The classic BPF machine: runs the programs tcpdump compiles (`-ddd`), as the kernel and libpcap do.

/// One instruction.
#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct Program(Vec<Instruction>);

impl Program {
    /// The program that keeps nothing: what the compiler calls an expression that rejects all packets.
    pub(crate) fn rejecting() -> Self {
        Self(vec![Instruction { code: 0x06, jt: 0, jf: 0, k: 0 }])
    }

    /// Reads the numbers of `tcpdump -ddd`: a count, then four of each instruction.
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let count: usize = lines.next().unwrap().trim().parse().unwrap();
        let list: Vec<Instruction> = lines
            .map(|line| {
                let words: Vec<u32> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
                let [code, jt, jf, k] = words[..] else { panic!("not an instruction: {line}") };
                Instruction {
                    code: code.try_into().unwrap(),
                    jt: jt.try_into().unwrap(),
                    jf: jf.try_into().unwrap(),
                    k,
                }
            })
            .collect();
        assert_eq!(list.len(), count);
        Self(list)
    }

    /// Whether the packet is kept. A load beyond the captured octets ends the run with no.
    pub(crate) fn keeps(&self, captured: &[u8], length: u32) -> bool {
        self.run(captured, length).unwrap_or(0) != 0
    }

    fn run(&self, captured: &[u8], length: u32) -> Option<u32> {
        let (mut a, mut x) = (0_u32, 0_u32);
        let mut memory = [0_u32; 16];
        let mut pc = 0_usize;
        loop {
            let Instruction { code, jt, jf, k } = self.0[pc];
            pc += 1;
            let size = match code & 0x18 {
                0x00 => 4,
                0x08 => 2,
                _ => 1,
            };
            match code & 0x07 {
                0x00 => {
                    a = match code & 0xe0 {
                        0x00 => k,
                        0x20 => load(captured, k, size)?,
                        0x40 => load(captured, x.checked_add(k)?, size)?,
                        0x60 => memory[k as usize],
                        0x80 => length,
                        mode => panic!("load mode {mode:#x}"),
                    }
                }
                0x01 => {
                    x = match code & 0xe0 {
                        0x00 => k,
                        0x60 => memory[k as usize],
                        0x80 => length,
                        0xa0 => (load(captured, k, 1)? & 15) * 4,
                        mode => panic!("index load mode {mode:#x}"),
                    }
                }
                0x02 => memory[k as usize] = a,
                0x03 => memory[k as usize] = x,
                0x04 => a = calculate(code & 0xf0, a, if code & 0x08 == 0 { k } else { x })?,
                0x05 => {
                    let operand = if code & 0x08 == 0 { k } else { x };
                    let holds = match code & 0xf0 {
                        0x00 => {
                            pc = pc.wrapping_add_signed(k.cast_signed() as isize);
                            continue;
                        }
                        0x10 => a == operand,
                        0x20 => a > operand,
                        0x30 => a >= operand,
                        0x40 => a & operand != 0,
                        kind => panic!("jump {kind:#x}"),
                    };
                    pc += usize::from(if holds { jt } else { jf });
                }
                0x06 => return Some(if code & 0x18 == 0x10 { a } else { k }),
                _ if code & 0xf8 == 0 => x = a,
                _ => a = x,
            }
        }
    }
}

fn load(captured: &[u8], at: u32, size: usize) -> Option<u32> {
    let octets = captured.get(at as usize..)?.get(..size)?;
    Some(octets.iter().fold(0, |value, octet| value << 8 | u32::from(*octet)))
}

fn calculate(operation: u16, a: u32, b: u32) -> Option<u32> {
    Some(match operation {
        0x00 => a.wrapping_add(b),
        0x10 => a.wrapping_sub(b),
        0x20 => a.wrapping_mul(b),
        0x30 => a.checked_div(b)?,
        0x40 => a | b,
        0x50 => a & b,
        0x60 => a.checked_shl(b).unwrap_or(0),
        0x70 => a.checked_shr(b).unwrap_or(0),
        0x80 => a.wrapping_neg(),
        0x90 => a.checked_rem(b)?,
        0xa0 => a ^ b,
        other => panic!("operation {other:#x}"),
    })
}
