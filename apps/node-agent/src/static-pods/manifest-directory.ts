import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { delay, type Logger, realClock } from '#client';
import { type Pod, podKey } from '../pod/pod-types.js';
import { ManifestError, staticPod } from './manifest.js';

/** Kubelet's fileCheckFrequency: for what no event told of; and for a folder that is not there. Milliseconds. */
const POLL = 20_000;
const POLL_ABSENT = 2000;
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

/** Follows the folder in which static pods are described: a file a pod, hidden files aside. */
export class ManifestDirectory {
  readonly #files = new Map<string, KnownFile>();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly directory: string,
    private readonly nodeName: string,
    private readonly logger: Logger,
    /** All pods that the folder describes now. */
    private readonly onRead: (pods: Pod[]) => void,
  ) {}

  /** Resolves after the first look; follows until the signal fires. A folder that is not there is looked for again. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#look();
    void this.#follow(signal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(realClock, this.#watcher ? POLL : POLL_ABSENT, signal);
      if (!signal.aborted) await this.#look();
    }
    clearTimeout(this.#timer);
    this.#unwatch();
  }

  #look(): Promise<void> {
    this.#watch();
    this.#reading = this.#reading
      .then(() => this.#read())
      .catch((error) => this.logger.warn('static pods not read', { directory: this.directory, error }));
    return this.#reading;
  }

  #watch(): void {
    if (this.#watcher) return;
    try {
      this.#watcher = watch(this.directory, () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#look(), SETTLE);
      });
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      // There is no such folder yet.
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #read(): Promise<void> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      this.#unwatch();
      return [];
    });
    const files = names.filter((name) => !name.startsWith('.')).sort();
    for (const name of this.#files.keys()) if (!files.includes(name)) this.#files.delete(name);
    const pods = new Map<string, Pod>();
    for (const name of files) {
      const pod = await this.#readFile(name);
      if (!pod) continue;
      const known = this.#files.get(name)!;
      const hidden = pods.has(podKey(pod));
      if (!hidden) pods.set(podKey(pod), pod);
      else if (!known.hidden) {
        this.logger.warn('two static pods of one name: the first is taken', { pod: podKey(pod), file: name });
      }
      known.hidden = hidden;
    }
    this.onRead([...pods.values()]);
  }

  /** A broken file is told once for each version; until it is mended there is no such pod. */
  async #readFile(name: string): Promise<Pod | undefined> {
    const file = join(this.directory, name);
    const info = await stat(file).catch(() => undefined);
    if (!info?.isFile()) return undefined;
    const stamp = [info.ino, info.size, info.mtimeMs, info.ctimeMs].join(' ');
    const known = this.#files.get(name);
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
    this.#files.set(name, { stamp, pod, hidden: false });
    return pod;
  }
}
