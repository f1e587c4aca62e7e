//! JSON that is written while what it says is still being read: a part of it at a time is in memory.

use kernel::{Error, Listed, Page, Result};
use serde::Serialize;

/// Writes one JSON object, field after field, and hands it on part after part. One that is not ended is no JSON.
pub struct ObjectWriter<P> {
    put: P,
    part: Vec<u8>,
    /// Whether something stands before whatever comes next.
    comma: bool,
}

impl<P: AsyncFnMut(Vec<u8>) -> Result<()>> ObjectWriter<P> {
    /// Begins an object, whose parts `put` gets.
    pub fn new(put: P) -> Self {
        Self { put, part: b"{".to_vec(), comma: false }
    }

    /// Writes a field.
    pub fn field(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        self.name(name)?;
        self.value(value)?;
        self.comma = true;
        Ok(())
    }

    /// Writes a list of all that there is, page after page.
    pub async fn list<T, I, U: Serialize>(
        &mut self,
        name: &str,
        read: impl AsyncFn(Page<I>) -> Result<Listed<T, I>>,
        shown: impl Fn(T) -> U,
    ) -> Result<()> {
        self.list_of(name, read, async |writer, item| writer.item(&shown(item))).await
    }

    /// The same, where there is more to an item than one value.
    pub async fn list_of<T, I>(
        &mut self,
        name: &str,
        read: impl AsyncFn(Page<I>) -> Result<Listed<T, I>>,
        write: impl AsyncFn(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        self.name(name)?;
        self.begin(b"[");
        let mut after = None;
        loop {
            let page = read(Page::new(after, 0, Page::<I>::LARGEST)?).await?;
            for item in page.items {
                write(self, item).await?;
            }
            self.hand_on().await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.end(b"]");
        Ok(())
    }

    /// Begins an item of a list with the fields of an object; others may follow.
    pub fn begin_item(&mut self, fields: &impl Serialize) -> Result<()> {
        self.item(fields)?;
        match self.part.pop() {
            Some(b'}') => Ok(()),
            _ => Err(Error::internal("an item that is to have more fields is no object")),
        }
    }

    /// Ends that item.
    pub fn end_item(&mut self) {
        self.end(b"}");
    }

    /// Ends the object.
    pub async fn finish(mut self) -> Result<()> {
        self.end(b"}");
        self.hand_on().await
    }

    fn item(&mut self, value: &impl Serialize) -> Result<()> {
        self.separate();
        self.value(value)?;
        self.comma = true;
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<()> {
        self.separate();
        self.value(&name)?;
        self.begin(b":");
        Ok(())
    }

    fn separate(&mut self) {
        if self.comma {
            self.part.push(b',');
        }
    }

    fn begin(&mut self, with: &[u8]) {
        self.part.extend_from_slice(with);
        self.comma = false;
    }

    fn end(&mut self, with: &[u8]) {
        self.part.extend_from_slice(with);
        self.comma = true;
    }

    fn value(&mut self, value: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.part, value).map_err(Error::internal)
    }

    async fn hand_on(&mut self) -> Result<()> {
        (self.put)(std::mem::take(&mut self.part)).await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::{Value, json};

    use super::*;

    /// Pages of two.
    async fn numbers(page: Page<u32>) -> Result<Listed<u32, u32>> {
        let begin = page.after.unwrap_or(0);
        let items: Vec<_> = (begin + 1..=5).take(2).collect();
        let next = items.last().copied().filter(|last| *last < 5);
        Ok(Listed { items, next, total: None })
    }

    async fn nothing(_: Page<u32>) -> Result<Listed<u32, u32>> {
        Ok(Listed { items: Vec::new(), next: None, total: None })
    }

    #[tokio::test]
    async fn what_is_written_in_parts_is_one_object() {
        let parts = RefCell::new(Vec::new());
        let mut writer = ObjectWriter::new(async |part| {
            parts.borrow_mut().push(part);
            Ok(())
        });
        writer.field("text", &"a\"b").unwrap();
        writer.list("none", nothing, |number| number).await.unwrap();
        writer.list("numbers", numbers, |number| number).await.unwrap();
        let nested = writer.list_of("nested", numbers, async |writer: &mut ObjectWriter<_>, number| {
            writer.begin_item(&json!({ "number": number }))?;
            writer.list("below", nothing, |number| number).await?;
            writer.list("numbers", numbers, |number| number).await?;
            writer.end_item();
            Ok(())
        });
        nested.await.unwrap();
        writer.field("last", &Value::Null).unwrap();
        writer.finish().await.unwrap();
        let parts = parts.into_inner();
        assert!(parts.len() > 20, "a part for each page");
        let written: Value = serde_json::from_slice(&parts.concat()).unwrap();
        let all = json!([1, 2, 3, 4, 5]);
        assert_eq!((&written["text"], &written["none"], &written["numbers"]), (&json!("a\"b"), &json!([]), &all));
        assert_eq!(written["nested"][4], json!({ "number": 5, "below": [], "numbers": all }));
        assert_eq!(written.as_object().unwrap().len(), 5);
        for end in 1..parts.len() {
            assert!(serde_json::from_slice::<Value>(&parts[..end].concat()).is_err(), "half of it is no JSON");
        }
    }
}
