//! The bytes of a chunk.

use ingest::Value;
use proptest::prelude::*;
use store::{ChunkError, SAMPLES_MAX, decode, encode};
use tenant::Sample;

use crate::bed::{sample, text};

/// Values of one kind.
fn values() -> [BoxedStrategy<Value<'static>>; 4] {
    let decimal = |(mantissa, scale)| Value::Decimal { mantissa, scale };
    [
        prop_oneof![any::<i64>(), 0..100_i64].prop_map(Value::Integer).boxed(),
        prop_oneof![(any::<i64>(), any::<u8>()), (-9999..9999_i64, 0..4_u8)].prop_map(decimal).boxed(),
        prop_oneof![any::<u64>().prop_map(f64::from_bits), (0..100_i32).prop_map(|tenths| f64::from(tenths) * 0.1)]
            .prop_map(Value::Float)
            .boxed(),
        prop_oneof![".{0,40}", "on|off|"].prop_map(|text| Value::Text(text.into())).boxed(),
    ]
}

/// Samples of one kind, and of all kinds.
fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let of = |value: BoxedStrategy<Value<'static>>| {
        let time = prop_oneof![any::<i64>(), 0..1_000_000_i64];
        let quality = prop_oneof![Just(0), any::<i64>()];
        let sample = (time, value, quality);
        let sample = sample.prop_map(|(time_us, value, quality)| Sample { time_us, value, quality });
        prop::collection::vec(sample, 0..300)
    };
    let [integers, decimals, floats, texts] = values();
    let all = prop_oneof![integers.clone(), decimals.clone(), floats.clone(), texts.clone()].boxed();
    prop_oneof![of(integers), of(decimals), of(floats), of(texts), of(all)]
}

/// Equal to the bit: a NaN does not equal itself, and 0 equals -0.
fn is_same(left: &[Sample], right: &[Sample]) -> bool {
    let bits = |sample: &Sample| match sample.value {
        Value::Float(number) => Some(number.to_bits()),
        _ => None,
    };
    let same = |(left, right): (&Sample, &Sample)| match (bits(left), bits(right)) {
        (None, None) => left == right,
        (left_bits, right_bits) => {
            left_bits == right_bits && (left.time_us, left.quality) == (right.time_us, right.quality)
        }
    };
    left.len() == right.len() && left.iter().zip(right).all(same)
}

/// A small generator, so that a test's stream is the same each time.
fn noise(state: &mut u64) -> i64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as i64
}

/// A sensor once a second: times with some milliseconds of jitter, values that walk, trailing zeros not sent.
fn walk(count: usize) -> Vec<Sample> {
    let mut state = 1;
    let mut hundredths = 2_000;
    let sample = |second: usize| {
        hundredths += noise(&mut state) % 21 - 10;
        let time_us = 1_767_225_600_000_000 + second as i64 * 1_000_000 + noise(&mut state) % 5 * 1_000;
        let whole = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        Sample { time_us, value: Value::of(whole.trim_end_matches('0').trim_end_matches('.').to_owned()), quality: 0 }
    };
    (0..count).map(sample).collect()
}

proptest! {
    #[test]
    fn every_sample_comes_back_to_the_bit(samples in samples()) {
        let decoded = decode(&encode(&samples)).unwrap();
        prop_assert!(is_same(&decoded, &samples), "{samples:?} became {decoded:?}");
    }

    #[test]
    fn damage_is_told(samples in samples(), place: prop::sample::Index, flipped in 1..=u8::MAX) {
        let mut bytes = encode(&samples);
        let place = place.index(bytes.len());
        bytes[place] ^= flipped;
        prop_assert!(decode(&bytes).is_err());
        prop_assert!(decode(&bytes[..place]).is_err());
    }

    /// What a checksum does not tell takes no memory and does not panic either.
    #[test]
    fn any_bytes_with_a_good_checksum_are_safe(
        samples in samples(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length: prop::sample::Index,
        is_cut in prop::bool::weighted(0.2),
    ) {
        let mut bytes = encode(&samples);
        bytes.truncate(bytes.len() - 4);
        for (place, byte) in damage {
            // Lengths and counts are in front.
            let reach = if byte.is_multiple_of(2) { bytes.len() } else { bytes.len().min(60) };
            bytes[place.index(reach)] = byte;
        }
        if is_cut {
            bytes.truncate(length.index(bytes.len()));
        }
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        if let Ok(decoded) = decode(&bytes) {
            prop_assert!(decoded.len() <= SAMPLES_MAX);
        }
    }
}

#[test]
fn a_sensors_walk_takes_few_bytes() {
    for (count, bytes_max) in [(1, 60), (60, 60 * 6), (512, 512 * 2), (4096, 4096 * 2)] {
        let samples = walk(count);
        let bytes = encode(&samples);
        assert!(bytes.len() <= bytes_max, "{count} samples took {} bytes", bytes.len());
        assert_eq!(decode(&bytes).unwrap(), samples);
    }
}

#[test]
fn six_digits_and_microseconds_take_less_than_a_dozen_bytes() {
    let (mut state, mut mantissa) = (1, 20_000_000);
    let sample = |second: i64| {
        mantissa += noise(&mut state) % 200_001 - 100_000;
        let time_us = 1_767_225_600_000_000 + second * 1_000_000 + noise(&mut state) % 20_000;
        Sample { time_us, value: Value::Decimal { mantissa, scale: 6 }, quality: 0 }
    };
    let samples: Vec<_> = (0..512).map(sample).collect();
    assert!(encode(&samples).len() < 512 * 6);
    let float =
        |sample: &Sample| Sample { value: Value::Float(sample.value.as_f64().unwrap().sin()), ..sample.clone() };
    let floats: Vec<_> = samples.iter().map(float).collect();
    assert!(encode(&floats).len() < 512 * 12);
}

#[test]
fn what_repeats_takes_nearly_nothing() {
    let states: Vec<_> =
        (0..4096).map(|time| text(time * 1_000_000, ["stopped", "running"][time as usize / 7 % 2])).collect();
    assert!(encode(&states).len() < 4096 / 4);
    let constant: Vec<_> = (0..4096).map(|time| sample(time * 1_000_000, 5)).collect();
    assert!(encode(&constant).len() < 150);
}

/// Made by the version that wrote the first chunks; it never changes.
const FIRST_VERSION: &str = "
    011c000000026e00000070636f21030004070401041b0000017d0000000000001051030030f1274924f3ffff07180000000000000080002d
    1f00000000000038100100280300000000000000210e00000000000006fdfd5e8e1b6310005aebc40f0e004093b26861266c4a18cc310800
    0000000080480400022200000070636f21030004070401071b0000002400200080a105000015314ec4160802920200022300000070636f21
    030004070401041b0000001000e8ffffffffffffff1300ffffffffffff3f0002022b00000070636f2103000406040104170000001000303e
    0000000000002c00a83d8b9da5ae14261420cc6ea98a7a00009a9999999999b93f0200000001000000000100000000000000010200000003
    0000000e00000028b52ffd20052900006f6e6f66661c44223f
";

#[test]
fn a_chunk_of_the_first_version_is_still_read() {
    let digits: Vec<_> = FIRST_VERSION.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let bytes: Vec<_> = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
    let mut samples = walk(24);
    samples.extend([text(1, "on"), text(2, "off"), text(2, "on")]);
    samples.push(Sample { time_us: 4, value: Value::Float(0.1), quality: -3 });
    assert_eq!(decode(&bytes), Ok(samples));
}

#[test]
fn what_is_no_chunk_is_told() {
    assert_eq!(decode(&[]), Err(ChunkError::Damaged("it is cut off")));
    assert_eq!(decode(&[0; 40]), Err(ChunkError::Damaged("its checksum is wrong")));
    let mut newer = encode(&[sample(1, 1)]);
    newer.truncate(newer.len() - 4);
    newer[0] = 2;
    newer.extend(crc32c::crc32c(&newer).to_le_bytes());
    assert_eq!(decode(&newer), Err(ChunkError::Version(2)));
    let mut many = vec![1];
    many.extend((SAMPLES_MAX as u32 + 1).to_le_bytes());
    many.extend(crc32c::crc32c(&many).to_le_bytes());
    assert_eq!(decode(&many), Err(ChunkError::Damaged("it claims too many samples")));
}
