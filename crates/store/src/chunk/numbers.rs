//! Integers and decimals: one stream of whole numbers.
//!
//! A sensor's 20.53, 20.5, 20.47 has scales 2, 1, 2. Brought to the largest scale of the chunk it is the smooth stream
//! 2053, 2050, 2047, which compresses; the forms tell how many digits were sent.

use super::ChunkError;
use super::column::{Input, put_column};

/// Stands where the common scale would, when there is none because a number would not fit 64 bits.
const UNALIGNED: u8 = u8::MAX;

/// `mantissa / 10^scale`.
#[derive(Clone, Copy)]
pub(super) struct Number {
    pub(super) mantissa: i64,
    pub(super) scale: u8,
}

/// Appends the numbers; nothing when there are none.
pub(super) fn put(output: &mut Vec<u8>, numbers: &[Number]) {
    let Some(common) = numbers.iter().map(|number| number.scale).max() else { return };
    let aligned: Option<Vec<_>> = numbers.iter().map(|number| align(*number, common)).collect();
    match aligned.filter(|_| common != UNALIGNED) {
        Some(aligned) => {
            output.push(common);
            put_column(output, aligned.into_iter());
        }
        None => {
            output.push(UNALIGNED);
            put_column(output, numbers.iter().map(|number| number.mantissa));
        }
    }
}

/// The mantissas of the numbers that have these scales.
pub(super) fn take(input: &mut Input<'_>, scales: &[u8]) -> Result<Vec<i64>, ChunkError> {
    if scales.is_empty() {
        return Ok(Vec::new());
    }
    let common = input.take(1)?[0];
    let mut numbers = input.column::<i64>(scales.len())?;
    if common != UNALIGNED {
        for (number, scale) in numbers.iter_mut().zip(scales) {
            let factor = common.checked_sub(*scale).and_then(power_of_ten);
            *number /= factor.ok_or(ChunkError::Damaged("a number has more digits than its stream"))?;
        }
    }
    Ok(numbers)
}

fn align(number: Number, common: u8) -> Option<i64> {
    number.mantissa.checked_mul(power_of_ten(common - number.scale)?)
}

fn power_of_ten(exponent: u8) -> Option<i64> {
    10_i64.checked_pow(u32::from(exponent))
}
