//! `multipart/form-data` as the SDK reads it: named parts, one after the other, and nothing else about them.

/// A body that grows part by part.
#[derive(Debug)]
pub struct Multipart {
    boundary: String,
    body: Vec<u8>,
}

impl Multipart {
    /// An empty body. The boundary must not occur in any content: make it of something random.
    #[must_use]
    pub fn new(boundary: String) -> Self {
        Self { boundary, body: vec![] }
    }

    /// The same with one more part.
    #[must_use]
    pub fn part(mut self, name: &str, content: &[u8]) -> Self {
        let head = format!("--{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n", self.boundary);
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(content);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// The content type, and the body with its end.
    #[must_use]
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::Multipart;

    #[test]
    fn parts_are_named_and_their_bytes_are_left_as_they_are() {
        let (content_type, body) = Multipart::new("B".to_owned()).part("metadata", b"{}").part("a", b"\r\n\0").finish();
        assert_eq!(content_type, "multipart/form-data; boundary=B");
        let expected = "--B\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n\
                        --B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n\0\r\n--B--\r\n";
        assert_eq!(String::from_utf8(body).expect("text"), expected);
    }
}
