//! Handing requests to whoever is behind: as ones that are in order, or as they came.

use crate::{
    connection::Connection,
    mailbox::{Head, TRUSTED, WHOLE},
    request::{Field, Request, Seen, look},
    server::Server,
    signature::signed,
};

/// What the media type of our requests has to be, in so many bytes.
const MEDIA: &[u8] = b"application/x-amz-json-1.1";
/// A field that whoever is behind has to look at.
const SPECIAL: &[u8] = b"x-strongroom-grant-expires-in";

impl Server {
    /// Hands a request to whoever is behind; its user agent, if that is another than before.
    pub fn hand(
        &self,
        number: u32,
        connection: &Connection,
        request: &Request<'_>,
    ) -> Option<Vec<u8>> {
        let fields = &request.fields;
        let body = &connection.read[request.body.clone()];
        let target = match fields.get(b"x-amz-target") {
            Field::Once(name) => self.targets.get(name),
            _ => None,
        };
        let plain = fields.get(b"content-type") == Field::Once(MEDIA)
            && fields.get(SPECIAL) == Field::Absent;
        let signed = target
            .filter(|_| plain)
            .and_then(|&target| Some((target, signed(fields, body, &self.shared.trusts)?)));
        let head = Head {
            connection: number,
            turn: connection.turn,
            ..Head::default()
        };
        let agent = match fields.get(b"user-agent") {
            Field::Once(agent) => agent,
            Field::Absent => b"",
            Field::Several => {
                self.put_whole(head, connection, request);
                return None;
            }
        };
        let Some((target, signed)) = signed else {
            self.put_whole(head, connection, request);
            return None;
        };
        let head = Head {
            kind: TRUSTED,
            target,
            trust: signed.trust,
            sent: signed.sent,
            ..head
        };
        if connection.agent.as_deref() == Some(agent) {
            self.put(head, None, &[body]);
            return None;
        }
        self.put(head, Some(agent), &[body]);
        Some(agent.to_vec())
    }

    fn put_whole(&self, head: Head, connection: &Connection, request: &Request<'_>) {
        let length = u32::try_from(request.body.start).expect("heads are short");
        let head = Head {
            kind: WHOLE,
            target: length,
            ..head
        };
        self.put(head, None, &[&connection.read[..request.body.end]]);
    }

    /// Hands a request on as it came, though its signature was confirmed.
    pub fn hand_on(&mut self, number: u32) {
        let Some(connection) = self.connections.get(&number) else {
            return;
        };
        if let Seen::Request(request) = look(&connection.read, self.limits.head, self.limits.body) {
            let head = Head {
                connection: number,
                turn: connection.turn,
                ..Head::default()
            };
            self.put_whole(head, connection, &request);
        }
    }
}
