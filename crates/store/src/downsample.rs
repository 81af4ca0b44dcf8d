//! Buckets of samples, and what each is reduced to.

use std::cmp::Ordering;

use ingest::Value;
use tenant::Sample;

use crate::Aggregate;

/// Reduces samples that come in either order of time.
#[derive(Debug)]
pub(crate) struct Buckets {
    every_us: i64,
    aggregate: Aggregate,
    current: Option<Bucket>,
}

impl Buckets {
    /// Buckets of `every_us` microseconds, at least 1.
    pub(crate) fn new(every_us: i64, aggregate: Aggregate) -> Buckets {
        Buckets { every_us: every_us.max(1), aggregate, current: None }
    }

    /// Takes the next sample; gives the bucket that ended before it, if anything took part in it.
    pub(crate) fn take(&mut self, sample: Sample) -> Option<Sample> {
        let index = sample.time_us.div_euclid(self.every_us);
        let ended = match &self.current {
            Some(bucket) if bucket.index == index => None,
            _ => self.current.replace(Bucket::new(index)),
        };
        if let Some(bucket) = &mut self.current {
            bucket.take(self.aggregate, sample);
        }
        self.reduce(ended?)
    }

    /// Gives the last bucket.
    pub(crate) fn end(&mut self) -> Option<Sample> {
        let bucket = self.current.take()?;
        self.reduce(bucket)
    }

    fn reduce(&self, bucket: Bucket) -> Option<Sample> {
        let value = match self.aggregate {
            Aggregate::Min | Aggregate::Max | Aggregate::Last => bucket.chosen?.value,
            Aggregate::Mean if bucket.count > 0 => Value::Float(bucket.sum.value() / bucket.count as f64),
            Aggregate::Count if bucket.count > 0 => Value::Integer(bucket.count),
            Aggregate::Mean | Aggregate::Count => return None,
        };
        let time_us = bucket.index.saturating_mul(self.every_us);
        Some(Sample { time_us, value, quality: bucket.quality })
    }
}

#[derive(Debug)]
struct Bucket {
    index: i64,
    /// The sample that is the answer so far.
    chosen: Option<Sample>,
    sum: Sum,
    /// Samples that took part.
    count: i64,
    quality: i64,
}

impl Bucket {
    fn new(index: i64) -> Bucket {
        Bucket { index, chosen: None, sum: Sum::default(), count: 0, quality: 0 }
    }

    fn take(&mut self, aggregate: Aggregate, sample: Sample) {
        let number = sample.value.as_f64().filter(|number| !number.is_nan());
        match aggregate {
            Aggregate::Count => self.take_part(&sample),
            Aggregate::Last => {
                if self.chosen.as_ref().is_none_or(|chosen| chosen.time_us < sample.time_us) {
                    self.quality = sample.quality;
                    self.chosen = Some(sample);
                }
            }
            Aggregate::Mean => {
                if let Some(number) = number {
                    self.take_part(&sample);
                    self.sum.add(number);
                }
            }
            Aggregate::Min | Aggregate::Max => {
                if number.is_none() {
                    return;
                }
                self.take_part(&sample);
                if self.chosen.as_ref().is_none_or(|chosen| goes_before(aggregate, &sample, chosen)) {
                    self.chosen = Some(sample);
                }
            }
        }
    }

    fn take_part(&mut self, sample: &Sample) {
        let magnitude = |quality: i64| (quality.unsigned_abs(), quality);
        if self.count == 0 || magnitude(sample.quality) > magnitude(self.quality) {
            self.quality = sample.quality;
        }
        self.count += 1;
    }
}

fn goes_before(aggregate: Aggregate, sample: &Sample, chosen: &Sample) -> bool {
    let order = compare(&sample.value, &chosen.value);
    let order = if aggregate == Aggregate::Max { order.reverse() } else { order };
    order.then(sample.time_us.cmp(&chosen.time_us)).is_lt()
}

/// The order of two numbers: by the nearest float, then exactly; of an exact number and a float that are as near, the
/// exact one goes first. It is a total order, so that both directions of a query choose the same sample.
fn compare(left: &Value<'_>, right: &Value<'_>) -> Ordering {
    // Adding zero makes -0 the same as 0.
    let float = |value: &Value<'_>| value.as_f64().map_or(f64::NAN, |number| number + 0.0);
    float(left).total_cmp(&float(right)).then_with(|| match (exact(left), exact(right)) {
        (Some(left), Some(right)) => compare_exact(left, right),
        (left, right) => left.is_none().cmp(&right.is_none()),
    })
}

/// Mantissa and scale.
fn exact(value: &Value<'_>) -> Option<(i64, u8)> {
    match *value {
        Value::Integer(mantissa) => Some((mantissa, 0)),
        Value::Decimal { mantissa, scale } => Some((mantissa, scale)),
        _ => None,
    }
}

fn compare_exact((left, left_scale): (i64, u8), (right, right_scale): (i64, u8)) -> Ordering {
    let scale = left_scale.max(right_scale);
    match (raise(left, scale - left_scale), raise(right, scale - right_scale)) {
        (Some(left), Some(right)) => left.cmp(&right),
        // Too large for 128 bits, so beyond whatever the other, unscaled one can be: its sign decides.
        (None, _) => left.cmp(&0),
        (_, None) => 0.cmp(&right),
    }
}

fn raise(mantissa: i64, digits: u8) -> Option<i128> {
    if mantissa == 0 {
        return Some(0);
    }
    10_i128.checked_pow(u32::from(digits))?.checked_mul(i128::from(mantissa))
}

/// A sum that keeps what each addition rounds off (Neumaier), so that it hardly depends on the order: ten times 0.1 is 1.
#[derive(Debug, Default)]
struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, number: f64) {
        let total = self.total + number;
        self.lost += if self.total.abs() >= number.abs() {
            (self.total - total) + number
        } else {
            (number - total) + self.total
        };
        self.total = total;
    }

    fn value(&self) -> f64 {
        // Beyond the largest float, what was lost is no number.
        if self.total.is_finite() { self.total + self.lost } else { self.total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(mantissa: i64, scale: u8) -> Value<'static> {
        Value::Decimal { mantissa, scale }
    }

    #[test]
    fn numbers_compare_exactly_whatever_their_scale() {
        assert_eq!(compare(&decimal(10, 1), &Value::Integer(1)), Ordering::Equal);
        assert_eq!(compare(&decimal(i64::MAX, 18), &decimal(i64::MAX - 1, 18)), Ordering::Greater);
        assert_eq!(compare(&decimal(1, 255), &Value::Integer(0)), Ordering::Greater);
        assert_eq!(compare(&decimal(-1, 255), &decimal(1, 255)), Ordering::Less);
        assert_eq!(compare(&Value::Integer(i64::MAX), &Value::Integer(i64::MAX - 1)), Ordering::Greater);
        assert_eq!(compare(&Value::Float(-0.0), &Value::Float(0.0)), Ordering::Equal);
        assert_eq!(compare(&Value::Float(1.0), &Value::Integer(1)), Ordering::Greater);
        assert_eq!(compare_exact((1, 0), (i64::MAX, 40)), Ordering::Greater);
        assert_eq!(compare_exact((i64::MIN, 40), (-1, 0)), Ordering::Greater);
    }

    #[test]
    fn a_sum_keeps_what_is_rounded_off() {
        let mut sum = Sum::default();
        (0..10).for_each(|_| sum.add(0.1));
        assert_eq!(sum.value(), 1.0);
        sum.add(f64::INFINITY);
        assert_eq!(sum.value(), f64::INFINITY);
    }
}
