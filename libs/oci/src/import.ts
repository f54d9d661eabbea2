import { spawn } from 'node:child_process';

/** Containerd keeps the images that CRI sees in this namespace. */
export const CONTAINERD_NAMESPACE = 'k8s.io';

/** Loads an OCI or Docker archive into containerd through `ctr`, which must be on PATH. */
export function importArchive(socket: string, archive: Buffer): Promise<void> {
  const args = ['--address', socket, '--namespace', CONTAINERD_NAMESPACE, 'images', 'import', '-'];
  return new Promise((resolve, reject) => {
    const child = spawn('ctr', args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.once('error', (error) => reject(new Error(`ctr could not be started: ${error.message}`)));
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`ctr images import failed (exit ${code}): ${errors.trim()}`));
    });
    // The exit status tells more than a broken pipe.
    child.stdin.on('error', () => {});
    child.stdin.end(archive);
  });
}
