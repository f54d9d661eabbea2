import { createSocket } from 'node:dgram';

// A nameserver outside the cluster: every A question below `example.test` is answered with 192.0.2.7, all others with
// nothing. Arguments: the address and the port to listen on.
const [address, port] = process.argv.slice(2);
const ANSWER = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 192, 0, 2, 7]);

const socket = createSocket('udp4');
socket.on('message', (query, from) => {
  let end = 12;
  while (query[end] !== 0) end += query[end]! + 1;
  const question = query.subarray(12, end + 5);
  const answers = question.toString('latin1').toLowerCase().includes('\x07example\x04test') && query[end + 2] === 1;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8580, 2);
  header.writeUInt16BE(answers ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  socket.send(Buffer.concat([header, question, ...(answers ? [ANSWER] : [])]), from.port, from.address);
});
socket.bind(Number(port), address);
