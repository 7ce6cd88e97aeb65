//! Old digests and text encodings that IAM's credentials are made of: MD5 of SSH keys, SHA-1 of one-time passwords,
//! base64 and base32.
//!
//! Not for anything that must withstand an attacker; signatures use the hmac and sha2 crates.

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
pub(crate) const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain([0, 0].iter()).take(3).fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        for i in 0..4 {
            text.push(if i <= chunk.len() { char::from(BASE64[word >> (18 - 6 * i) & 63]) } else { '=' });
        }
    }
    text
}

/// The bytes of base64 text; white space is skipped.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    from_alphabet(text, BASE64, 6)
}

/// The bytes of base32 text.
pub(crate) fn from_base32(text: &str) -> Option<Vec<u8>> {
    from_alphabet(text, BASE32, 5)
}

fn from_alphabet(text: &str, alphabet: &[u8], width: u32) -> Option<Vec<u8>> {
    let (mut bytes, mut word, mut bits) = (vec![], 0_u32, 0);
    for c in text.trim_end_matches(|c: char| c == '=' || c.is_whitespace()).bytes() {
        if c.is_ascii_whitespace() {
            continue;
        }
        let digit = alphabet.iter().position(|known| *known == c)?;
        word = word << width | u32::try_from(digit).ok()?;
        bits += width;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(four.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Bytes padded as MD5 and SHA-1 want them; they differ in the byte order of the length.
fn padded(bytes: &[u8], length: [u8; 8]) -> Vec<u8> {
    let mut message = bytes.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend(length);
    message
}

/// MD5, for the fingerprints of SSH keys.
#[allow(
    clippy::many_single_char_names,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the names are RFC 1321's, and its table is the whole part of a positive number below 2^32"
)]
pub(crate) fn md5(bytes: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let sine = |i: u32| (f64::from(i + 1).sin().abs() * 4_294_967_296.0) as u32;
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded(bytes, (bytes.len() as u64 * 8).to_le_bytes()).chunks(64) {
        let word = |i: usize| u32::from_le_bytes([block[4 * i], block[4 * i + 1], block[4 * i + 2], block[4 * i + 3]]);
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64_usize {
            let (f, g) = match i / 16 {
                0 => (b & c | !b & d, i),
                1 => (d & b | !d & c, 5 * i + 1),
                2 => (b ^ c ^ d, 3 * i + 5),
                _ => (c ^ (b | !d), 7 * i),
            };
            let sum = f.wrapping_add(a).wrapping_add(sine(i as u32)).wrapping_add(word(g % 16));
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(SHIFTS[i / 16][i % 4]));
        }
        for (sum, part) in state.iter_mut().zip([a, b, c, d]) {
            *sum = sum.wrapping_add(part);
        }
    }
    let mut digest = [0; 16];
    digest.iter_mut().zip(state.iter().flat_map(|word| word.to_le_bytes())).for_each(|(to, from)| *to = from);
    digest
}

/// SHA-1, for one-time passwords.
#[allow(clippy::many_single_char_names, reason = "the names are RFC 3174's")]
pub(crate) fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded(bytes, (bytes.len() as u64 * 8).to_be_bytes()).chunks(64) {
        let mut words = [0_u32; 80];
        for i in 0..80 {
            words[i] = if i < 16 {
                u32::from_be_bytes([block[4 * i], block[4 * i + 1], block[4 * i + 2], block[4 * i + 3]])
            } else {
                (words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16]).rotate_left(1)
            };
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (i, word) in words.iter().enumerate() {
            let (f, k) = match i / 20 {
                0 => (b & c | !b & d, 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let sum = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
        }
        for (sum, part) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(part);
        }
    }
    let mut digest = [0; 20];
    digest.iter_mut().zip(state.iter().flat_map(|word| word.to_be_bytes())).for_each(|(to, from)| *to = from);
    digest
}

/// The six digits of a time-based one-time password (RFC 6238) for a 30-second step.
pub(crate) fn one_time_password(secret: &[u8], step: i64) -> String {
    let mut key = [0_u8; 64];
    let long = sha1(secret);
    let secret = if secret.len() > 64 { &long[..] } else { secret };
    key[..secret.len()].copy_from_slice(secret);
    let keyed = |pad: u8, rest: &[u8]| sha1(&[&key.map(|byte| byte ^ pad)[..], rest].concat());
    let mac = keyed(0x5c, &keyed(0x36, &step.to_be_bytes()));
    let at = usize::from(mac[19] & 15);
    let number = u32::from_be_bytes([mac[at] & 0x7f, mac[at + 1], mac[at + 2], mac[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_vectors() {
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex(&md5(&[b'a'; 56])), "3b0c8ac703f828b04c6c197006d17218");
        assert_eq!(hex(&md5(&[b'a'; 64])), "014842d480b571495a4a0363793f7367");
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            hex(&sha1(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        );
        // RFC 6238, appendix B, cut to six digits.
        assert_eq!(one_time_password(b"12345678901234567890", 59 / 30), "287082");
        assert_eq!(one_time_password(b"12345678901234567890", 1_111_111_109 / 30), "081804");
    }

    #[test]
    fn encodes_and_decodes() {
        for text in ["", "f", "fo", "foo", "foobar"] {
            assert_eq!(from_base64(&base64(text.as_bytes())).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(from_base32("MZXW6YTB").as_deref(), Some(&b"fooba"[..]));
        assert_eq!(from_base64("not base64!"), None);
    }
}
