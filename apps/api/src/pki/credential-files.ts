import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Private keys and files that hold one: the owner alone. */
export const SECRET_MODE = 0o600;
export const PUBLIC_MODE = 0o644;

/** All or nothing, also when the machine stops: temporary file, fsync, rename. The content is never readable by others before `mode` holds. */
export async function writeAtomically(path: string, content: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Writes only when the content differs, and tightens the mode of what is there. */
export async function writeIfChanged(path: string, content: string, mode: number): Promise<boolean> {
  if ((await readIfPresent(path)) === content) {
    await tighten(path, mode);
    return false;
  }
  await mkdir(dirname(path), { recursive: true });
  await writeAtomically(path, content, mode);
  return true;
}

/** Of a file that holds a private key: closes one that was left open to others. */
export async function readSecretIfPresent(path: string): Promise<string | undefined> {
  const content = await readIfPresent(path);
  if (content !== undefined) await tighten(path, SECRET_MODE);
  return content;
}

async function tighten(path: string, mode: number): Promise<void> {
  if (((await stat(path)).mode & 0o777 & ~mode) !== 0) await chmod(path, mode);
}

export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
