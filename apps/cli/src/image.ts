import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { which } from '#host';
import { buildPauseImage, CONTAINERD_NAMESPACE, importArchive, PAUSE_IMAGE } from '#oci';
import { parseFlags, usage } from '#settings';
import { type Layout } from './layout.js';
import { dataDirFlag, dataDirOf, loadSettings } from './settings.js';
import { CliError, UsageError, type Verb } from './verb.js';

export const image: Verb = {
  async run(args) {
    const { values, positionals } = parseFlags([dataDirFlag], args, true);
    if (values.help) {
      process.stdout.write(
        usage(
          'berth image import FILE... | berth image list',
          'Works on the images of the node on this machine. An archive is what `docker save` or an OCI exporter writes.',
          [dataDirFlag],
        ),
      );
      return 0;
    }
    const layout = dataDirOf(values);
    const [what, ...files] = positionals;
    if (what === 'list' && files.length === 0) {
      for (const name of listImages(layout)) console.log(name);
      return 0;
    }
    if (what === 'import' && files.length > 0) {
      for (const file of files) {
        if (!existsSync(file)) throw new CliError(`${file}: no such file`);
        process.stdout.write(ctr(layout, ['images', 'import', '--all-platforms', file], file));
      }
      return 0;
    }
    throw new UsageError('image needs a command: import FILE..., or list');
  },
};

/** Names of the node's images, without the digests and ids that containerd keeps as names of their own. */
function listImages(layout: Layout): string[] {
  return ctr(layout, ['images', 'list', '-q'])
    .split('\n')
    .filter((name) => name !== '' && !name.startsWith('sha256:'))
    .sort();
}

/** Imports the sandbox image once containerd answers, unless it is there. */
export async function ensurePauseImage(layout: Layout, deadline: number): Promise<void> {
  for (;;) {
    try {
      if (listImages(layout).includes(PAUSE_IMAGE)) return;
      break;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
  await importArchive(layout.containerdSocket, buildPauseImage().archive);
}

/** `about` begins the message of a failure. */
function ctr(layout: Layout, args: string[], about?: string): string {
  const program = which('ctr');
  if (!program) throw new CliError('ctr is missing; get it with: apt-get install containerd');
  const socket = loadSettings(layout)?.containerRuntimeEndpoint || layout.containerdSocket;
  // Asked first: ctr waits ten seconds for a socket that is not there.
  if (!existsSync(socket)) {
    throw new CliError(`no node runs here: ${socket} does not exist; start it with: npm run up`);
  }
  const result = spawnSync(program, ['--address', socket, '--namespace', CONTAINERD_NAMESPACE, ...args], {
    encoding: 'utf8',
  });
  if (result.status !== 0) {
    const why = (result.stderr.trim().split('\n').at(-1) ?? '').replace(/^ctr: /, '');
    throw new CliError(about ? `${about}: ${why}` : why);
  }
  return result.stdout;
}
