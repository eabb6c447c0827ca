//! Seeded choices: the same seed and key give the same numbers on every machine.

/// `SplitMix64` (Steele, Lea, Flood 2014). Fit for made-up data, never for secrets.
pub(crate) struct Rng(u64);

impl Rng {
    /// A generator for one subject, for example one account on one day.
    pub(crate) fn keyed(parts: &[u64]) -> Self {
        Self(mix(parts))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        finish(self.0)
    }

    /// A number from 0 up to, but not including, `bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let product = (self.next() >> 32) * u64::from(bound);
        u32::try_from(product >> 32).expect("the product of two 32-bit numbers has 64 bits")
    }

    /// One of the given values.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let bound = u32::try_from(from.len()).expect("tables have far fewer than 2^32 rows");
        &from[self.below(bound) as usize]
    }
}

/// One number that depends on every part and on their order.
pub(crate) fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0x243F_6A88_85A3_08D3, |state, part| {
        finish(state.rotate_left(23) ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    })
}

/// A number for a text (FNV-1a, then mixed).
pub(crate) fn text_key(text: &str) -> u64 {
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    finish(hash)
}

fn finish(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_bound_and_repeat() {
        let draw = || {
            let mut rng = Rng::keyed(&[7, 1, 2]);
            (0..500).map(|_| rng.below(10)).collect::<Vec<_>>()
        };
        let drawn = draw();
        assert_eq!(drawn, draw());
        assert!(drawn.iter().all(|number| *number < 10));
        assert!((0..10).all(|number| drawn.contains(&number)));
    }

    #[test]
    fn the_order_of_the_parts_matters() {
        assert_ne!(mix(&[1, 2]), mix(&[2, 1]));
        assert_ne!(text_key("anna"), text_key("anne"));
    }
}
