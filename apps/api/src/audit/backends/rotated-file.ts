import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export interface RotationOptions {
  /** Bytes; 0: the file is never rotated. */
  maxBytes: number;
  /** Old files that are kept; 0: all. */
  maxBackups: number;
  /** Days that old files are kept; 0: for ever. */
  maxAgeDays: number;
  compress: boolean;
}

const MODE = 0o600;
const DAY_MS = 86_400_000;
/** `2026-01-02T03-04-05.678` in the name of an old file; the time is UTC. */
const BACKUP_TIME = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)\.(\d{3})$/;

/** A file that is appended to, and put aside under its time when it is full. The names are those of the reference's logs. */
export class RotatedFile {
  private handle: FileHandle | undefined;
  private size = 0;
  private lastBackup = 0;
  private tidying: Promise<void> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly options: RotationOptions,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /** Makes the file, and its folder, where they are missing. Rejects with the system's error. */
  async prepare(): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await this.open();
  }

  /** Appends a text of whole lines. Calls must not overlap. */
  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const { maxBytes } = this.options;
    if (!this.handle) await this.open();
    if (maxBytes > 0 && this.size > 0 && this.size + bytes.length > maxBytes) await this.rotate();
    await this.handle!.appendFile(bytes);
    this.size += bytes.length;
  }

  async close(): Promise<void> {
    await this.handle?.close();
    this.handle = undefined;
    await this.tidying;
  }

  private async open(): Promise<void> {
    this.handle = await open(this.path, 'a', MODE);
    this.size = (await this.handle.stat()).size;
  }

  private async rotate(): Promise<void> {
    await this.handle!.close();
    this.handle = undefined;
    await rename(this.path, join(dirname(this.path), this.backupName()));
    await this.open();
    this.tidying = this.tidying.then(() => this.tidy()).catch(() => {});
  }

  /** Each time once: a file must not take the place of another. */
  private backupName(): string {
    this.lastBackup = Math.max(this.now().getTime(), this.lastBackup + 1);
    const time = new Date(this.lastBackup).toISOString().slice(0, -1).replaceAll(':', '-');
    return `${this.prefix}${time}${extname(this.path)}`;
  }

  private get prefix(): string {
    return `${basename(this.path, extname(this.path))}-`;
  }

  /** Deletes old files that are too many or too old, and compresses the others. */
  private async tidy(): Promise<void> {
    const { maxBackups, maxAgeDays, compress } = this.options;
    const folder = dirname(this.path);
    const backups = (await readdir(folder))
      .map((name) => ({ name, at: this.timeOf(name) }))
      .filter((backup): backup is { name: string; at: number } => backup.at !== undefined)
      .sort((a, b) => b.at - a.at);
    const oldest = maxAgeDays > 0 ? this.now().getTime() - maxAgeDays * DAY_MS : Number.NEGATIVE_INFINITY;
    for (const [i, { name, at }] of backups.entries()) {
      const path = join(folder, name);
      if ((maxBackups > 0 && i >= maxBackups) || at < oldest) await rm(path, { force: true });
      else if (compress && !name.endsWith('.gz')) await compressFile(path);
    }
  }

  /** Undefined for what is no old file of this one. */
  private timeOf(name: string): number | undefined {
    if (!name.startsWith(this.prefix)) return undefined;
    const end = [extname(this.path), `${extname(this.path)}.gz`].find((ending) => name.endsWith(ending));
    if (end === undefined) return undefined;
    const text = name.slice(this.prefix.length, name.length - end.length).replace(/\.gz$/, '');
    const [, date, hour, minute, second, ms] = BACKUP_TIME.exec(text) ?? [];
    return date === undefined ? undefined : Date.parse(`${date}T${hour}:${minute}:${second}.${ms}Z`);
  }
}

async function compressFile(path: string): Promise<void> {
  const partial = `${path}.gz.partial`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(partial, { mode: MODE }));
  await rename(partial, `${path}.gz`);
  await rm(path);
}
