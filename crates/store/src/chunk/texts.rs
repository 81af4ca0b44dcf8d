//! Texts: the different ones, compressed as one piece, and which of them each sample has.

use std::collections::HashMap;
use std::io::Read;

use super::ChunkError;
use super::column::{Cell, Input, put_bytes, put_column};

/// Bytes that the texts of a chunk have together, at most, repeated ones counted each time: more than the largest
/// MQTT message, which is 256 MiB.
const EXPANDED_MAX: usize = 512 << 20;

/// Level of compression; higher ones gain a few percent on state names and log lines, for a multiple of the time.
const LEVEL: i32 = 3;

/// Appends the texts; nothing when there are none.
pub(super) fn put(output: &mut Vec<u8>, texts: &[&str]) {
    if texts.is_empty() {
        return;
    }
    assert!(texts.iter().map(|text| text.len()).sum::<usize>() <= EXPANDED_MAX, "the caller cuts long chunks");
    let mut different: Vec<&str> = Vec::new();
    let mut places = HashMap::new();
    let mut indexes = Vec::with_capacity(texts.len());
    for text in texts {
        let index = *places.entry(*text).or_insert_with(|| {
            different.push(text);
            different.len() as u32 - 1
        });
        indexes.push(index);
    }
    (different.len() as u32).put(output);
    put_column(output, indexes.into_iter());
    put_column(output, different.iter().map(|text| text.len() as u32));
    let packed = zstd::bulk::compress(different.concat().as_bytes(), LEVEL).expect("memory takes any number of bytes");
    put_bytes(output, &packed);
}

/// The texts of `count` samples.
pub(super) fn take(input: &mut Input<'_>, count: usize) -> Result<Vec<String>, ChunkError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let different = input.value::<u32>()? as usize;
    if different > count {
        return Err(ChunkError::Damaged("it claims more different texts than texts"));
    }
    let indexes = input.column::<u32>(count)?;
    let lengths = input.column::<u32>(different)?;
    let packed = input.bytes()?;
    let length_of = |index: &u32| lengths.get(*index as usize).map(|length| *length as usize);
    let expanded: Option<usize> = indexes.iter().map(length_of).sum();
    let whole: usize = lengths.iter().map(|length| *length as usize).sum();
    if expanded.is_none_or(|expanded| expanded > EXPANDED_MAX) || whole > EXPANDED_MAX {
        return Err(ChunkError::Damaged("its texts do not fit their lengths"));
    }
    let different = cut(&unpack(packed, whole)?, &lengths)?;
    Ok(indexes.into_iter().filter_map(|index| different.get(index as usize).cloned()).collect())
}

/// Decompresses to exactly `length` bytes; the buffer grows with what there is, whatever the chunk claims.
fn unpack(packed: &[u8], length: usize) -> Result<String, ChunkError> {
    let mut text = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| damaged())?;
    decoder.take(length as u64 + 1).read_to_end(&mut text).map_err(|_| damaged())?;
    String::from_utf8(text).ok().filter(|text| text.len() == length).ok_or_else(damaged)
}

fn cut(whole: &str, lengths: &[u32]) -> Result<Vec<String>, ChunkError> {
    let mut rest = whole;
    let mut texts = Vec::with_capacity(lengths.len());
    for length in lengths {
        let (text, after) = rest.split_at_checked(*length as usize).ok_or_else(damaged)?;
        texts.push(text.to_owned());
        rest = after;
    }
    Ok(texts)
}

fn damaged() -> ChunkError {
    ChunkError::Damaged("its texts cannot be decompressed")
}
