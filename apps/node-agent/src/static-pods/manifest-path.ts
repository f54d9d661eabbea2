import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { delay, type Logger, realClock } from '#client';
import { type Pod, podKey } from '../pod/pod.js';
import { ManifestError, staticPod } from './manifest.js';

/** Kubelet's fileCheckFrequency: for what no event told of; and while nothing can be watched. Milliseconds. */
const POLL = 20_000;
const POLL_UNWATCHED = 2000;
/** Files are often written in several steps. */
const SETTLE = 100;
const MAX_BYTES = 10 * 1024 * 1024;

interface KnownFile {
  /** Of the version that was read. */
  stamp: string;
  pod: Pod | undefined;
  /** A file before it has a pod of that name: told once. */
  hidden: boolean;
}

/** Follows where static pods are described: a folder with a file a pod, hidden files aside, or a single file. */
export class ManifestPath {
  private readonly path: string;
  private readonly files = new Map<string, KnownFile>();
  private watcher: FSWatcher | undefined;
  private watched: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<void> = Promise.resolve();
  /** Why the path could not be read, told once. */
  private problem: string | undefined;

  constructor(
    path: string,
    private readonly nodeName: string,
    private readonly logger: Logger,
    /** All pods that are described now. */
    private readonly onRead: (pods: Pod[]) => void,
  ) {
    this.path = path.replace(/(?<=.)\/+$/, '');
  }

  /** Resolves after the first look; follows until the signal fires. A path that is not there is looked for again. */
  async start(signal: AbortSignal): Promise<void> {
    await this.look();
    void this.follow(signal);
  }

  private async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(realClock, this.watcher ? POLL : POLL_UNWATCHED, signal);
      if (!signal.aborted) await this.look();
    }
    clearTimeout(this.timer);
    this.unwatch();
  }

  private look(): Promise<void> {
    this.reading = this.reading.then(async () => {
      let problem: string | undefined;
      try {
        await this.read();
      } catch (error) {
        problem = error instanceof ManifestError ? error.message : `static pods not read: ${(error as Error).message}`;
      }
      if (problem && problem !== this.problem) this.logger.warn(problem);
      this.problem = problem;
    });
    return this.reading;
  }

  /** True when nobody had watched that so far. */
  private watch(folder: string, only?: string): boolean {
    if (this.watched === folder) return false;
    this.unwatch();
    try {
      this.watcher = watch(folder, (_event, name) => {
        if (only !== undefined && name !== only) return;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.look(), SETTLE);
      });
      this.watcher.on('error', () => this.unwatch());
      this.watched = folder;
      return true;
    } catch {
      // There is no such folder.
      return false;
    }
  }

  private unwatch(): void {
    this.watcher?.close();
    this.watcher = undefined;
    this.watched = undefined;
  }

  /** What cannot be read leaves the pods as they are; what is not there describes none. */
  private async read(): Promise<void> {
    const info = await stat(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    // A file, or what is not there yet, is watched through its folder: tools put a new file in the place of the old one.
    const watched = info?.isDirectory() ? this.watch(this.path) : this.watch(dirname(this.path), basename(this.path));
    // Of what happened in between no event told.
    if (watched) return this.read();
    if (!info) {
      this.files.clear();
      return this.onRead([]);
    }
    if (info.isDirectory()) return this.onRead(await this.readFolder());
    if (!info.isFile()) throw new ManifestError(`${this.path}: path is not a directory or file`);
    const pod = await this.readFile(this.path);
    if (pod) this.onRead([pod]);
  }

  private async readFolder(): Promise<Pod[]> {
    const names = await readdir(this.path);
    const files = names
      .filter((name) => !name.startsWith('.'))
      .sort()
      .map((name) => join(this.path, name));
    for (const file of this.files.keys()) if (!files.includes(file)) this.files.delete(file);
    const pods = new Map<string, Pod>();
    for (const file of files) {
      const pod = await this.readFile(file);
      if (!pod) continue;
      const known = this.files.get(file)!;
      const hidden = pods.has(podKey(pod));
      if (!hidden) pods.set(podKey(pod), pod);
      else if (!known.hidden) {
        this.logger.warn('two static pods of one name: the first is taken', { pod: podKey(pod), file });
      }
      known.hidden = hidden;
    }
    return [...pods.values()];
  }

  /** A broken file is told once for each version. */
  private async readFile(file: string): Promise<Pod | undefined> {
    const info = await stat(file).catch(() => undefined);
    if (!info?.isFile()) return undefined;
    const stamp = [info.ino, info.size, info.mtimeMs, info.ctimeMs].join(' ');
    const known = this.files.get(file);
    if (known?.stamp === stamp) return known.pod;
    let pod: Pod | undefined;
    try {
      if (info.size > MAX_BYTES) throw new ManifestError(`${file}: larger than 10 MiB`);
      pod = staticPod(await readFile(file, 'utf8'), { file, nodeName: this.nodeName, seen: new Date() });
    } catch (error) {
      this.logger.warn(error instanceof ManifestError ? error.message : 'static pod not read', {
        ...(error instanceof ManifestError ? {} : { file, error }),
      });
    }
    // The same text is the same pod, as it was first seen.
    if (pod && known?.pod?.metadata.uid === pod.metadata.uid) pod = known.pod;
    this.files.set(file, { stamp, pod, hidden: false });
    return pod;
  }
}
