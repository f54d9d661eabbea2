import { internalError } from '#apimachinery';
import { drained } from '../drain.js';
import { SpdyConnection } from '../spdy/connection.js';
import type { SpdyStream } from '../spdy/stream.js';
import type { ChannelSocket } from './channels.js';
import { dialRuntime } from './runtime-dial.js';

export interface StreamOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

const Channel = { Stdin: 0, Stdout: 1, Stderr: 2, Error: 3, Resize: 4 } as const;

const RUNTIME_PROTOCOL = 'v4.channel.k8s.io';
const MAX_STATUS = 1 << 20;

/**
 * Carries an exec or attach session between a WebSocket client and the runtime's SPDY server, until the command has ended
 * or either side is gone. The runtime's status passes through, with the exit code in it.
 */
export async function bridgeRemoteCommand(socket: ChannelSocket, url: string, options: StreamOptions): Promise<void> {
  // Tells the client that the session is there, before the command says anything.
  const lowest = options.stdout ? Channel.Stdout : options.stderr ? Channel.Stderr : Channel.Error;
  await socket.send(lowest, Buffer.alloc(0));
  let connection: SpdyConnection | undefined;
  try {
    const runtime = await dialRuntime(url, [RUNTIME_PROTOCOL]);
    connection = new SpdyConnection(runtime.socket, { role: 'client' });
    const streams = await openStreams(connection, options);
    const clientGone = receive(socket, streams);
    const finished = finish(socket, streams);
    await Promise.race([clientGone, finished]);
  } catch (error) {
    await sendStatus(socket, Buffer.from(JSON.stringify(internalError(error).status)));
  } finally {
    connection?.close();
    socket.close();
  }
}

interface CommandStreams {
  error: SpdyStream;
  stdin?: SpdyStream;
  stdout?: SpdyStream;
  stderr?: SpdyStream;
  resize?: SpdyStream;
}

async function openStreams(connection: SpdyConnection, options: StreamOptions): Promise<CommandStreams> {
  const open = (streamtype: string) => connection.openStream({ streamtype });
  const streams: CommandStreams = { error: await open('error') };
  if (options.stdin) streams.stdin = await open('stdin');
  if (options.stdout) streams.stdout = await open('stdout');
  if (options.stderr) streams.stderr = await open('stderr');
  if (options.tty) streams.resize = await open('resize');
  return streams;
}

function receive(socket: ChannelSocket, { stdin, resize }: CommandStreams): Promise<void> {
  const targets = new Map([
    [Channel.Stdin as number, stdin],
    [Channel.Resize as number, resize],
  ]);
  return socket.receive(async (message) => {
    const target = targets.get('close' in message ? message.close : message.channel);
    if (!target || target.writableEnded) return;
    if ('close' in message) target.end();
    else if (message.data.length > 0 && !target.write(message.data)) await drained(target);
  });
}

/** Sends what the command writes, and its status when all of that is out. */
async function finish(socket: ChannelSocket, streams: CommandStreams): Promise<void> {
  const pump = async (channel: number, stream: SpdyStream | undefined) => {
    if (!stream) return;
    for await (const data of stream) await socket.send(channel, data);
  };
  const [status] = await Promise.all([
    readStatus(streams.error),
    pump(Channel.Stdout, streams.stdout),
    pump(Channel.Stderr, streams.stderr),
  ]);
  if (status.length === 0) throw new Error('the runtime ended the stream without a status');
  await sendStatus(socket, status);
}

async function readStatus(stream: SpdyStream): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size <= MAX_STATUS) pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function sendStatus(socket: ChannelSocket, status: Buffer): Promise<void> {
  if (socket.protocol.statusObjects) return socket.send(Channel.Error, status);
  const { status: outcome, message } = parseStatus(status);
  if (outcome !== 'Success') await socket.send(Channel.Error, Buffer.from(message ?? ''));
}

function parseStatus(text: Buffer): { status?: string; message?: string } {
  try {
    return JSON.parse(text.toString()) as { status?: string; message?: string };
  } catch {
    return { message: text.toString() };
  }
}
