import { Duplex } from 'node:stream';

/**
 * The payload of a WebSocket's binary messages as a byte stream, client side, after the handshake. By hand, since the
 * library refuses the names of the tunnel protocols.
 */
export function unwrapMessages(socket: Duplex): Duplex {
  let pending = Buffer.alloc(0);
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      socket.write(maskedMessage(chunk), done);
    },
    final(done) {
      socket.end(done);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (let frame = takeFrame(pending); frame; frame = takeFrame(pending)) {
      pending = pending.subarray(frame.size);
      if (frame.opcode === 8) socket.end();
      else stream.push(frame.payload);
    }
  });
  socket.on('close', () => stream.push(null));
  return stream;
}

function takeFrame(data: Buffer): { opcode: number; payload: Buffer; size: number } | undefined {
  if (data.length < 2) return undefined;
  const short = data[1]! & 0x7f;
  const start = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (data.length < start) return undefined;
  const length = short === 126 ? data.readUInt16BE(2) : short === 127 ? Number(data.readBigUInt64BE(2)) : short;
  if (data.length < start + length) return undefined;
  return { opcode: data[0]! & 0x0f, payload: data.subarray(start, start + length), size: start + length };
}

/** With the mask 0, which leaves the payload as it is. */
function maskedMessage(payload: Buffer): Buffer {
  const header = Buffer.alloc(14);
  header[0] = 0x82;
  header[1] = 0x80 | 127;
  header.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([header, payload]);
}
