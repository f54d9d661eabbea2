//! Resource quantities (`100m`, `1Gi`, `1e3`) as whole numbers of a unit, rounded up as the scheduler does.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;

/// A parsed quantity, kept in thousandths so that milli-CPUs are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    thousandths: i128,
}

/// Fractions are read to this many digits in all, so that no suffix makes a number with one overflow.
const LEAST_EXACT: i128 = 10_000_000_000_000_000;
/// Powers of ten beyond this leave the range of every number that fits in a request.
const EXPONENTS: i32 = 60;

impl Quantity {
    pub fn from_whole(value: i64) -> Self {
        Self { thousandths: i128::from(value) * 1000 }
    }

    /// The value in whole units, rounded up.
    pub fn value(self) -> i64 {
        clamp(div_ceil(self.thousandths, 1000))
    }

    /// The value in thousandths of the unit.
    pub fn milli_value(self) -> i64 {
        clamp(self.thousandths)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut at = 0;
        let negative = match bytes.first() {
            Some(b'-') => {
                at = 1;
                true
            }
            Some(b'+') => {
                at = 1;
                false
            }
            _ => false,
        };
        let mut digits: i128 = 0;
        let mut decimals: i32 = 0;
        // Something of the fraction was too small to be kept: it still rounds up.
        let mut rest = 0;
        let mut seen_digit = false;
        let mut seen_point = false;
        while at < bytes.len() {
            match bytes[at] {
                digit @ b'0'..=b'9' => {
                    let digit = i128::from(digit - b'0');
                    seen_digit = true;
                    if !seen_point {
                        digits = digits.saturating_mul(10).saturating_add(digit);
                    } else if digits < LEAST_EXACT {
                        digits = digits * 10 + digit;
                        decimals += 1;
                    } else if digit != 0 {
                        rest = 1;
                    }
                }
                b'.' if !seen_point => seen_point = true,
                _ => break,
            }
            at += 1;
        }
        if !seen_digit {
            return None;
        }
        let (binary, exponent) = suffix(&text[at..])?;
        let mut numerator = digits.saturating_mul(1000).saturating_mul(binary).saturating_add(rest);
        let shift = exponent - decimals;
        if shift >= 0 {
            for _ in 0..shift {
                numerator = numerator.saturating_mul(10);
            }
        } else {
            let mut divisor: i128 = 1;
            for _ in 0..-shift {
                divisor = divisor.saturating_mul(10);
            }
            numerator = div_ceil(numerator, divisor);
        }
        Some(Self { thousandths: if negative { -numerator } else { numerator } })
    }
}

impl std::ops::AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        self.thousandths = self.thousandths.saturating_add(other.thousandths);
    }
}

/// The multiplier of a suffix as (power of two, power of ten).
fn suffix(text: &str) -> Option<(i128, i32)> {
    Some(match text {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => {
            let exponent: i32 = text.strip_prefix(['e', 'E'])?.parse().ok()?;
            (1, exponent.clamp(-EXPONENTS, EXPONENTS))
        }
    })
}

fn div_ceil(a: i128, b: i128) -> i128 {
    let q = a / b;
    if a % b > 0 { q + 1 } else { q }
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Quantity;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a quantity")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                Quantity::parse(text).ok_or_else(|| E::custom(format_args!("not a quantity: {text:?}")))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Quantity, E> {
                Ok(Quantity::from_whole(value))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Quantity, E> {
                Ok(Quantity::from_whole(i64::try_from(value).unwrap_or(i64::MAX)))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Quantity, E> {
                self.visit_str(&value.to_string())
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;

    #[test]
    fn parses_every_notation_and_rounds_up() {
        for (text, value, milli) in [
            ("0", 0, 0),
            ("1", 1, 1000),
            ("100m", 1, 100),
            ("1.5", 2, 1500),
            (".5", 1, 500),
            ("0.0001", 1, 1),
            ("2k", 2000, 2_000_000),
            ("1Ki", 1024, 1_024_000),
            ("1.5Gi", 1_610_612_736, 1_610_612_736_000),
            ("1e3", 1000, 1_000_000),
            ("12E2", 1200, 1_200_000),
            ("1u", 1, 1),
            ("-1", -1, -1000),
        ] {
            let quantity = Quantity::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((quantity.value(), quantity.milli_value()), (value, milli), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        for text in ["", "m", "1 ", "1Gib", "--1", "1..2", "e3", "1e"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn saturates_beyond_the_range() {
        for text in [
            "100E",
            "1e37",
            "1e999999999",
            "1000000000000000000Ei",
            "1.7000000000000000001e25",
            "99999999999999999999.5Ei",
        ] {
            assert_eq!(Quantity::parse(text).unwrap().value(), i64::MAX, "{text}");
        }
        let digits = "9".repeat(400);
        assert_eq!(Quantity::parse(&digits).unwrap().value(), i64::MAX);
        assert_eq!(Quantity::parse(&format!("-{digits}")).unwrap().value(), i64::MIN);
    }

    #[test]
    fn keeps_every_whole_number_of_the_range_and_rounds_the_least_fraction_up() {
        for (text, value) in [
            ("9223372036854775806", i64::MAX - 1),
            ("1000000000000000000000n", 1_000_000_000_000),
            ("9000000000000000000000m", 9_000_000_000_000_000_000),
            ("1.00000000000000000000000000000001", 2),
            ("12345678901234567.0000000001", 12_345_678_901_234_568),
            ("1e-999999999", 1),
            ("1.0000000000000000000000Ei", 1 << 60),
        ] {
            assert_eq!(Quantity::parse(text).map(Quantity::value), Some(value), "{text}");
        }
    }
}
