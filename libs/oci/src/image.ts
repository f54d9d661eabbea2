import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type TarEntry, writeTar } from './tar.js';

/** What a container runs unless its pod says otherwise; names as in the OCI image configuration. */
export interface ImageConfig {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  WorkingDir?: string;
  User?: string;
  ExposedPorts?: Record<string, Record<string, never>>;
  Labels?: Record<string, string>;
  StopSignal?: string;
}

export interface ImageSpec {
  /** Full reference with a tag: `berth.local/pause:0.1`. */
  reference: string;
  config?: ImageConfig;
  /** One layer. Parent folders are made. */
  files: readonly TarEntry[];
}

export interface BuiltImage {
  reference: string;
  /** Of the manifest. */
  digest: string;
  /** OCI layout in a tar, as `ctr images import` and `docker load` take it. */
  archive: Buffer;
}

const MEDIA = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

/** Makes an image for this machine's processor without a build tool or a registry. Same input, same digest. */
export function buildImage(spec: ImageSpec): BuiltImage {
  const layer = writeTar(withParents(spec.files));
  const packed = gzipSync(layer, { level: 6 });
  const config = json({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: spec.config ?? {},
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    config: descriptor(MEDIA.config, config),
    layers: [descriptor(MEDIA.layer, packed)],
  });
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        ...descriptor(MEDIA.manifest, manifest),
        annotations: {
          'io.containerd.image.name': spec.reference,
          'org.opencontainers.image.ref.name': tagOf(spec.reference),
        },
      },
    ],
  });
  const blob = (content: Buffer): TarEntry => ({ path: `blobs/sha256/${digestOf(content).slice(7)}`, content });
  const archive = writeTar([
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', content: index },
    { path: 'blobs/', type: 'directory' },
    { path: 'blobs/sha256/', type: 'directory' },
    blob(config),
    blob(manifest),
    blob(packed),
  ]);
  return { reference: spec.reference, digest: digestOf(manifest), archive };
}

function tagOf(reference: string): string {
  const colon = reference.lastIndexOf(':');
  if (colon <= reference.lastIndexOf('/')) throw new Error(`image reference without a tag: ${reference}`);
  return reference.slice(colon + 1);
}

function withParents(files: readonly TarEntry[]): TarEntry[] {
  const entries = new Map<string, TarEntry>();
  for (const file of files) {
    const path = file.path.replace(/^\/+/, '').replace(/\/+$/, '');
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (!entries.has(parent)) entries.set(parent, { path: parent, type: 'directory' });
    }
    entries.set(path, { ...file, path, type: file.type ?? (file.path.endsWith('/') ? 'directory' : 'file') });
  }
  return [...entries.values()];
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function descriptor(mediaType: string, content: Buffer): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: digestOf(content), size: content.length };
}
