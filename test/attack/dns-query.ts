import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

// Asks one question and prints `answered`, the name of the refusal, or `nothing`: `dns-query.js ADDRESS PORT NAME udp|tcp`.
// A program of its own, as it runs in other network namespaces than its caller.
const [address, port, name, transport] = process.argv.slice(2);
const CODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];
const labels = name!.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
const question = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);

function say(text: string): never {
  console.log(text);
  process.exit(0);
}

function show(message: Buffer): never {
  if (message.length < 12) say('nothing');
  const answers = message.readUInt16BE(6);
  say(answers > 0 ? 'answered' : (CODES[message[3]! & 15] ?? 'another code'));
}

setTimeout(() => say('nothing'), 3000);
if (transport === 'udp') {
  const socket = createSocket('udp4');
  socket.on('message', show);
  socket.on('error', () => say('nothing'));
  socket.send(question, Number(port), address);
} else {
  const socket = connect(Number(port), address);
  let received = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (received.length > 2 && received.length >= 2 + received.readUInt16BE(0)) show(received.subarray(2));
  });
  socket.on('error', () => say('nothing'));
  socket.on('close', () => say('nothing'));
  socket.write(Buffer.concat([Buffer.from([0, question.length]), question]));
}
