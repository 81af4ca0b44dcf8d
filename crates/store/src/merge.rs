//! Which chunks of a series are worth folding into larger ones, and how large those are.
//!
//! Where two chunks hold the same time, the one with the higher sequence is read. A fold gives its result the highest
//! sequence of its parts, so no chunk outside may stand between them: what is folded is a stretch of neighbours in the
//! order of sequences, without a gap. Chunks that share their last sequence are parts of one fold or of one sealed
//! chunk, and hold different times; a stretch may begin between them, but never end there, for then older samples
//! would rise to the rank of the part that is left out.

use std::ops::Range;

use tenant::Sample;

use crate::run;

/// Samples in a chunk that a fold makes: a page of a query opens few, and a query for one sample decodes little.
const CHUNK_SAMPLES_MAX: usize = 4096;

/// Bytes of memory that the samples of one chunk take, unless a single sample takes more.
const CHUNK_WEIGHT_MAX: usize = 1 << 20;

/// Bytes of memory that one fold takes: two days of a value a second.
const RUN_WEIGHT_MAX: u64 = 12 << 20;

/// What a fold has to gain, in chunks that are gone or no longer late. With 7, which eight neighbours of 512 samples
/// give, a sample is written again once or twice; in a series that is sealed by age alone, eight times or so.
const GAIN_MIN: usize = 7;

/// What is known of a chunk without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChunkMeta {
    pub(crate) first_us: i64,
    pub(crate) last_us: i64,
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
    pub(crate) samples: u64,
    /// Bytes of memory that the samples take.
    pub(crate) weight: u64,
}

/// The stretch to fold next, if any is worth it, among neighbours in the order of last sequence and time.
pub(crate) fn choose(chunks: &[ChunkMeta]) -> Option<Range<usize>> {
    let mut end = chunks.len();
    while end > 0 {
        let start = reach(chunks, end);
        // A stretch must not end between parts of one fold.
        let is_whole =
            |end: usize| chunks.get(end).is_none_or(|next| next.last_sequence != chunks[end - 1].last_sequence);
        let whole = (start + 1..=end).rev().find(|end| is_whole(*end));
        if let Some(whole) = whole
            && gain(&chunks[start..whole]) >= GAIN_MIN
        {
            return Some(trim(chunks, start..whole));
        }
        end = start;
    }
    None
}

/// Cuts samples into the chunks to be written.
pub(crate) fn cut(samples: &[Sample]) -> impl Iterator<Item = &[Sample]> {
    let mut rest = samples;
    std::iter::from_fn(move || {
        let mut weight = 0;
        let is_beyond = |sample: &Sample| {
            weight += run::weight(sample);
            weight > CHUNK_WEIGHT_MAX
        };
        let length = rest.iter().take(CHUNK_SAMPLES_MAX).position(is_beyond).unwrap_or(CHUNK_SAMPLES_MAX);
        let (chunk, after) = rest.split_at(length.max(1).min(rest.len()));
        rest = after;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// How far back from `end` a stretch reaches: to a gap in the sequences, or as far as memory allows.
fn reach(chunks: &[ChunkMeta], end: usize) -> usize {
    let mut weight = 0;
    let mut lowest = None;
    let fits = |chunk: &ChunkMeta| {
        let joins = lowest.is_none_or(|lowest: u64| chunk.last_sequence.saturating_add(1) >= lowest);
        weight += chunk.weight;
        lowest = Some(lowest.unwrap_or(u64::MAX).min(chunk.first_sequence));
        joins && weight <= RUN_WEIGHT_MAX
    };
    let length = chunks[..end].iter().rev().map(fits).take_while(|fits| *fits).count();
    end - length.max(1)
}

/// Chunks that would be gone, and late ones that would no longer be late.
fn gain(chunks: &[ChunkMeta]) -> usize {
    let samples: u64 = chunks.iter().map(|chunk| chunk.samples).sum();
    let after = usize::try_from(samples.div_ceil(CHUNK_SAMPLES_MAX as u64)).unwrap_or(usize::MAX);
    let mut spans: Vec<_> = chunks.iter().map(|chunk| (chunk.first_us, chunk.last_us)).collect();
    spans.sort_unstable();
    let mut latest = None;
    let overlaps = spans.iter().filter(|(first, last)| {
        let overlaps = latest.is_some_and(|latest| *first <= latest);
        latest = latest.max(Some(*last));
        overlaps
    });
    overlaps.count() + chunks.len().saturating_sub(after)
}

/// Leaves out the oldest chunks that only would be written again.
fn trim(chunks: &[ChunkMeta], mut stretch: Range<usize>) -> Range<usize> {
    let mut best = gain(&chunks[stretch.clone()]);
    while stretch.len() > 1 {
        let shorter = gain(&chunks[stretch.start + 1..stretch.end]);
        if shorter < best {
            break;
        }
        best = shorter;
        stretch.start += 1;
    }
    stretch
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn chunk(sequence: u64, span: Range<i64>, samples: u64) -> ChunkMeta {
        ChunkMeta {
            first_us: span.start,
            last_us: span.end - 1,
            first_sequence: sequence,
            last_sequence: sequence,
            samples,
            weight: samples * 56,
        }
    }

    fn in_order(count: u64, samples: u64) -> Vec<ChunkMeta> {
        let span = |sequence: u64| sequence as i64 * 10..sequence as i64 * 10 + 10;
        (0..count).map(|sequence| chunk(sequence, span(sequence), samples)).collect()
    }

    #[test]
    fn eight_neighbours_are_worth_it_and_seven_are_not() {
        assert_eq!(choose(&in_order(7, 512)), None);
        assert_eq!(choose(&in_order(8, 512)), Some(0..8));
        assert_eq!(choose(&in_order(300, 4096)), None);
    }

    #[test]
    fn full_chunks_in_front_are_left_alone() {
        let mut chunks = in_order(20, 512);
        chunks[..10].iter_mut().for_each(|chunk| chunk.samples = 4096);
        assert_eq!(choose(&chunks), Some(10..20));
    }

    #[test]
    fn late_chunks_take_along_all_between_them_and_what_they_overlap() {
        let mut chunks = in_order(20, 4096);
        chunks.extend((20..28).map(|sequence| chunk(sequence, 55..56, 4096)));
        assert_eq!(choose(&chunks), Some(5..28));
    }

    #[test]
    fn a_gap_in_the_sequences_parts_neighbours() {
        let mut chunks = in_order(12, 10);
        chunks.remove(6);
        assert_eq!(choose(&chunks), None);
    }

    #[test]
    fn a_stretch_ends_where_a_fold_ends() {
        let mut chunks = in_order(9, 10);
        // The last two are parts of one chunk, of which the second does not fit beside the others.
        chunks[8].last_sequence = 7;
        chunks[8].first_sequence = 7;
        chunks[8].weight = RUN_WEIGHT_MAX;
        assert_eq!(choose(&chunks), None);
    }

    #[test]
    fn nothing_larger_than_the_memory_of_a_fold_is_taken() {
        let mut chunks = in_order(30, 10);
        chunks.iter_mut().for_each(|chunk| chunk.weight = RUN_WEIGHT_MAX / 10);
        assert_eq!(choose(&chunks), Some(20..30));
        assert_eq!(choose(&[]), None);
    }

    /// A chunk with the sequence that each of its times was sealed with.
    type Filled = (ChunkMeta, BTreeMap<i64, u64>);

    /// Three samples fill a chunk, twenty are all that a fold takes.
    fn filled(sequences: (u64, u64), times: BTreeMap<i64, u64>) -> Filled {
        let count = times.len() as u64;
        let meta = ChunkMeta {
            first_us: *times.first_key_value().unwrap().0,
            last_us: *times.last_key_value().unwrap().0,
            first_sequence: sequences.0,
            last_sequence: sequences.1,
            samples: count * 1365,
            weight: count * RUN_WEIGHT_MAX / 20,
        };
        (meta, times)
    }

    fn fold(chunks: &mut Vec<Filled>, stretch: Range<usize>) {
        let parts: Vec<_> = chunks.drain(stretch).collect();
        let first = parts.iter().map(|(meta, _)| meta.first_sequence).min().unwrap();
        let last = parts.iter().map(|(meta, _)| meta.last_sequence).max().unwrap();
        let times: BTreeMap<_, _> = parts.into_iter().flat_map(|(_, times)| times).collect();
        let times: Vec<_> = times.into_iter().collect();
        chunks.extend(times.chunks(3).map(|part| filled((first, last), part.iter().copied().collect())));
        chunks.sort_by_key(|(meta, _)| (meta.last_sequence, meta.first_us));
    }

    /// What is read at each time: of the highest last sequence, which no two chunks with the time may share.
    fn read(chunks: &[Filled]) -> BTreeMap<i64, u64> {
        let mut ranks = BTreeMap::new();
        for (meta, times) in chunks {
            for (time, sealed) in times {
                let rank = ranks.insert(*time, (meta.last_sequence, *sealed)).map(|(rank, _)| rank);
                assert!(rank.is_none_or(|rank| rank < meta.last_sequence), "two chunks of one rank have the same time");
            }
        }
        ranks.into_iter().map(|(time, (_, sealed))| (time, sealed)).collect()
    }

    proptest! {
        #[test]
        fn no_fold_changes_what_is_read(
            sealed in prop::collection::vec((prop::collection::btree_set(0..60_i64, 1..7), any::<bool>()), 1..120),
        ) {
            let (mut chunks, mut expected) = (Vec::new(), BTreeMap::new());
            for ((times, folds), sequence) in sealed.into_iter().zip(0..) {
                let times: BTreeMap<_, _> = times.into_iter().map(|time| (time, sequence)).collect();
                expected.extend(times.clone());
                chunks.push(filled((sequence, sequence), times));
                let mut metas: Vec<_> = chunks.iter().map(|(meta, _)| meta.clone()).collect();
                while let Some(stretch) = choose(&metas).filter(|_| folds) {
                    prop_assert!(stretch.len() > 1);
                    fold(&mut chunks, stretch);
                    prop_assert_eq!(&read(&chunks), &expected);
                    metas = chunks.iter().map(|(meta, _)| meta.clone()).collect();
                }
            }
        }
    }

    #[test]
    fn samples_are_cut_by_count_and_by_memory() {
        let sample =
            |time_us, text: &str| Sample { time_us, value: ingest::Value::Text(text.to_owned().into()), quality: 0 };
        let short: Vec<_> = (0..10_000).map(|time| sample(time, "on")).collect();
        assert_eq!(cut(&short).map(<[_]>::len).collect::<Vec<_>>(), [4096, 4096, 1808]);
        let long: Vec<_> = (0..5).map(|time| sample(time, &"x".repeat(400 << 10))).collect();
        assert_eq!(cut(&long).map(<[_]>::len).collect::<Vec<_>>(), [2, 2, 1]);
        let giant: Vec<_> = (0..2).map(|time| sample(time, &"x".repeat(2 << 20))).collect();
        assert_eq!(cut(&giant).map(<[_]>::len).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(cut(&[]).count(), 0);
    }
}
