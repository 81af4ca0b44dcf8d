//! A value gives back the text that it was made of, whatever that was.

use ingest::Value;
use proptest::prelude::*;

#[test]
fn canonical_integers_and_decimals_are_numbers() {
    let decimal = |mantissa, scale| Value::Decimal { mantissa, scale };
    let cases = [
        ("0", Value::Integer(0)),
        ("-1", Value::Integer(-1)),
        ("9223372036854775807", Value::Integer(i64::MAX)),
        ("-9223372036854775808", Value::Integer(i64::MIN)),
        ("21.80", decimal(2180, 2)),
        ("-0.5", decimal(-5, 1)),
        ("0.0", decimal(0, 1)),
        ("0.000", decimal(0, 3)),
        ("-922337203685477580.8", decimal(i64::MIN, 1)),
        ("0.0000000000000000000001", decimal(1, 22)),
    ];
    for (text, value) in cases {
        assert_eq!(Value::of(text), value, "{text}");
        assert_eq!(value.to_string(), text);
    }
}

#[test]
fn a_text_that_a_number_would_not_give_back_stays_a_text() {
    let texts = [
        "",
        "-",
        ".",
        "-.",
        "+1",
        "007",
        "00.5",
        "-0",
        "-0.0",
        "-00",
        "1.",
        ".5",
        "-.5",
        "1e5",
        "1E5",
        "1.5e3",
        " 1",
        "1 ",
        "1_000",
        "1,5",
        "NaN",
        "inf",
        "-inf",
        "1e400",
        "0x10",
        "1.2.3",
        "--1",
        "1-",
        "٣",
        "true",
        "9223372036854775808",
        "-9223372036854775809",
        "922337203685477580.8",
        "18446744073709551616",
        "1.00000000000000000000",
    ];
    for text in texts {
        assert_eq!(Value::of(text), Value::Text(text.into()));
    }
    let many_zeros = format!("0.{}", "0".repeat(256));
    assert_eq!(Value::of(many_zeros.as_str()), Value::Text(many_zeros.as_str().into()));
    let as_many_as_fit = format!("0.{}", "0".repeat(255));
    assert_eq!(Value::of(as_many_as_fit.as_str()), Value::Decimal { mantissa: 0, scale: 255 });
}

#[test]
fn a_float_prints_as_the_shortest_text_that_reads_back() {
    let cases = [
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (1e300, "1e300"),
        (5e-324, "5e-324"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ];
    for (number, text) in cases {
        assert_eq!(Value::Float(number).to_string(), text);
    }
}

#[test]
fn a_text_is_no_number_for_an_aggregate() {
    assert_eq!(Value::of("NaN").as_f64(), None);
    assert_eq!(Value::of("true").as_f64(), None);
    assert_eq!(Value::Float(2.5).as_f64(), Some(2.5));
    assert_eq!(Value::of("0.1").as_f64(), Some(0.1));
}

/// Texts that are numbers, or nearly.
fn numeric_looking() -> impl Strategy<Value = String> {
    prop_oneof!["-?[0-9]{0,21}", "-?[0-9]{0,20}\\.[0-9]{0,20}", "[-+0-9.eE]{0,8}", "-?0\\.0{0,260}[0-9]{0,3}"]
}

/// Any, and those that a float holds exactly.
fn mantissa() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -(1_i64 << 53)..=1 << 53, -1_000_i64..1_000]
}

proptest! {
    #[test]
    fn any_text_comes_back(text in any::<String>()) {
        prop_assert_eq!(Value::of(text.as_str()).to_string(), text);
    }

    #[test]
    fn any_numeric_looking_text_comes_back(text in numeric_looking()) {
        prop_assert_eq!(Value::of(text.as_str()).to_string(), text);
    }

    #[test]
    fn every_integer_is_a_number(number: i64) {
        let text = number.to_string();
        prop_assert_eq!(Value::of(text), Value::Integer(number));
    }

    #[test]
    fn every_decimal_but_a_negative_zero_is_a_number(mantissa: i64, scale in 1_u8..) {
        let value = Value::Decimal { mantissa, scale };
        prop_assert_eq!(Value::of(value.to_string()), value);
    }

    #[test]
    fn every_float_comes_back_from_its_text(number: f64) {
        prop_assert_eq!(Value::Float(number).to_string().parse::<f64>().unwrap().to_bits(), number.to_bits());
    }

    #[test]
    fn a_decimal_is_the_float_nearest_to_its_text(mantissa in mantissa(), scale in 1_u8..40) {
        let value = Value::Decimal { mantissa, scale };
        prop_assert_eq!(value.as_f64().unwrap(), value.to_string().parse::<f64>().unwrap());
    }
}
