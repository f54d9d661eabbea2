import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codes } from './attack.js';
import { run } from './node.js';
import type { NodeRow } from './node-scenery.js';

/** The user `nobody`: somebody with an account on the machine and no part in Berth. */
const NOBODY = { uid: 65534, gid: 65534 };
/** What a key, a token and an address with a password look like. */
const SECRETS = 'PRIVATE KEY|eyJhbGciOi|client-key-data|postgres(ql)?://[^ :/]+:[^ @]+@|DATABASE_URL|a secret';

export const machineRows: NodeRow[] = [
  {
    area: 'files',
    finding: 'another user of the machine reads no secret',
    run: async (attempt, { node }) => {
      const all = await run('find', [node.dataDir, '-type', 'f'], '', 60, NOBODY);
      attempt.check('-', 'find', 'the data directory can be entered at all', all.text.includes(node.dataDir), all.text);
      const { text } = await run(
        'sh',
        [
          '-c',
          `find "$1" -type f -readable -size -4096k -print0 2>/dev/null | xargs -0 -r grep -laE "$2" 2>/dev/null`,
          'sh',
          node.dataDir,
          SECRETS,
        ],
        '',
        60,
        NOBODY,
      );
      const files = text
        .split('\n')
        .filter((line) => line !== '' && !/\/postgres\/server\/|\/containerd\/.*\/(snapshots|content)\//.test(line));
      attempt.check('another user', 'readable files', 'none with a secret', files.length === 0, files);
    },
  },
  {
    area: 'files',
    finding: 'another user of the machine connects to no socket and writes to no file',
    run: async (attempt, { node }) => {
      const sockets = socketsBelow(node.dataDir);
      attempt.check('-', 'sockets', 'some', sockets.length > 0, sockets);
      const program =
        'const s=require("net").connect(process.argv[1]);s.on("connect",()=>{console.log("connected");process.exit(0)});s.on("error",e=>{console.log(e.code);process.exit(0)})';
      for (const socket of sockets) {
        const { text } = await run(process.execPath, ['-e', program, socket], '', 10, NOBODY);
        attempt.check('another user', socket, 'EACCES or ENOENT', /EACCES|ENOENT|EPERM/.test(text), text);
      }
      const { text } = await run('find', [node.dataDir, '-writable', '-not', '-type', 'l'], '', 60, NOBODY);
      const writable = text.split('\n').filter((line) => line.startsWith('/') && !/\/(snapshots|pods)\//.test(line));
      attempt.check('another user', 'writable files', 'none', writable.length === 0, writable);
    },
  },
  {
    area: 'after the node',
    finding: 'every process is the one that it was, and answers',
    run: async (attempt, { node, who }) => {
      const restarted = await node.restarted();
      attempt.check('-', 'berth status', 'no restart', restarted.length === 0, restarted);
      await attempt.try(who.administrator, { path: '/healthz' }, codes(200));
      const { status } = await node.json('get', 'pod', 'plain');
      attempt.check(
        '-',
        'the pod of the beginning',
        'never restarted',
        status.containerStatuses[0].restartCount === 0,
        status,
      );
      const nodes = await node.json('get', 'nodes');
      const ready = nodes.items[0].status.conditions.find(({ type }: { type: string }) => type === 'Ready');
      attempt.check('-', 'the node', 'Ready', ready?.status === 'True', ready);
    },
  },
];

function socketsBelow(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      const entry = statSync(path, { throwIfNoEntry: false });
      if (entry?.isSocket()) return [path];
      // Root filesystems of containers are not ours.
      return entry?.isDirectory() && !/\/(io\.containerd\.[^/]*|pods)$/.test(path) ? socketsBelow(path) : [];
    });
  } catch {
    return [];
  }
}
