//! A column: values of one type, all the same (the value once), a few (as they are), or compressed by pco, which
//! finds out about deltas and common factors itself and gives floats back bit by bit.

use pco::ChunkConfig;
use pco::data_types::Number;
use pco::standalone::{simple_compress, simple_decompress_into};

use super::ChunkError;

/// How the values of a column follow: its first byte.
const UNIFORM: u8 = 0;
const PLAIN: u8 = 1;
const PCO: u8 = 2;

/// A fixed-size value that a column can hold.
pub(super) trait Cell: Number {
    /// Bytes of one.
    const LENGTH: usize;

    /// Appends it, little-endian.
    fn put(self, output: &mut Vec<u8>);

    /// Reads it; the slice has `LENGTH` bytes.
    fn of(bytes: &[u8]) -> Option<Self>;
}

macro_rules! cell {
    ($($number:ty),*) => {$(
        impl Cell for $number {
            const LENGTH: usize = size_of::<$number>();

            fn put(self, output: &mut Vec<u8>) {
                output.extend_from_slice(&self.to_le_bytes());
            }

            fn of(bytes: &[u8]) -> Option<$number> {
                bytes.try_into().ok().map(<$number>::from_le_bytes)
            }
        }
    )*};
}

cell!(u16, u32, i64, f64);

/// Appends a column; nothing when it has no values.
pub(super) fn put_column<T: Cell>(output: &mut Vec<u8>, values: impl Iterator<Item = T>) {
    let values: Vec<T> = values.collect();
    let mut plain = Vec::with_capacity(values.len() * T::LENGTH);
    values.iter().for_each(|value| value.put(&mut plain));
    let Some((first, rest)) = plain.split_at_checked(T::LENGTH).filter(|(first, _)| !first.is_empty()) else { return };
    // By bytes: two NaN may differ, and one does not equal itself.
    if rest.chunks_exact(T::LENGTH).all(|other| other == first) {
        output.push(UNIFORM);
        output.extend_from_slice(first);
        return;
    }
    let packed = simple_compress(&values, &ChunkConfig::default()).expect("the default configuration is valid");
    if packed.len() + size_of::<u32>() < plain.len() {
        output.push(PCO);
        put_bytes(output, &packed);
    } else {
        output.push(PLAIN);
        output.extend_from_slice(&plain);
    }
}

/// Appends bytes behind their length.
pub(super) fn put_bytes(output: &mut Vec<u8>, bytes: &[u8]) {
    u32::try_from(bytes.len()).expect("a chunk is far below 4 GiB").put(output);
    output.extend_from_slice(bytes);
}

/// What is left to read of a chunk.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], ChunkError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ChunkError::Damaged("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn value<T: Cell>(&mut self) -> Result<T, ChunkError> {
        T::of(self.take(T::LENGTH)?).ok_or(ChunkError::Damaged("it is cut off"))
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], ChunkError> {
        let length = self.value::<u32>()? as usize;
        self.take(length)
    }

    /// A column of `count` values; the caller has checked that `count` is within its bounds.
    pub(super) fn column<T: Cell>(&mut self, count: usize) -> Result<Vec<T>, ChunkError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        match self.take(1)?[0] {
            UNIFORM => Ok(vec![self.value()?; count]),
            PLAIN => Ok(self.take(count * T::LENGTH)?.chunks_exact(T::LENGTH).filter_map(T::of).collect()),
            PCO => unpack(self.bytes()?, count),
            _ => Err(ChunkError::Damaged("a stream is of no known kind")),
        }
    }
}

/// Decompresses into a buffer of the size that the chunk claims, so that a stream of more values takes no memory.
fn unpack<T: Cell>(bytes: &[u8], count: usize) -> Result<Vec<T>, ChunkError> {
    let mut values = vec![T::default(); count];
    match simple_decompress_into(bytes, &mut values) {
        Ok(progress) if progress.n_processed == count => Ok(values),
        _ => Err(ChunkError::Damaged("a stream cannot be decompressed")),
    }
}
