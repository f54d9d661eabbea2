import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { MetricsRegistry } from '#telemetry';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** What upstream calls an API server on this machine: `apiserver-` and the hash of the host's name. */
export function serverId(host: string = hostname()): string {
  const bytes = createHash('sha256').update(host).digest().subarray(0, 16);
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  const letters = bits.match(/.{1,5}/g)!.map((part) => ALPHABET[Number.parseInt(part.padEnd(5, '0'), 2)]);
  return `apiserver-${letters.join('')}`;
}

/** How labels show a text of any length: its hash. */
export function hashLabel(text: string): string {
  return text === '' ? '' : `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

export interface ReloadMetrics {
  /** The configuration that is in use from now on; not counted as a reload. */
  inUse(text: string): void;
  reloaded(text: string): void;
  failed(): void;
}

/** Names and texts of upstream's metrics. */
const DECLARATIONS = {
  authentication: {
    total: {
      name: 'apiserver_authentication_config_controller_automatic_reloads_total',
      help: 'Automatic reloads of the authentication configuration.',
    },
    last: {
      name: 'apiserver_authentication_config_controller_automatic_reload_last_timestamp_seconds',
      help: 'When the authentication configuration was last reloaded.',
    },
    info: {
      name: 'apiserver_authentication_config_controller_last_config_info',
      help: 'The authentication configuration in use, by its hash.',
    },
  },
  authorization: {
    total: {
      name: 'apiserver_authorization_config_controller_automatic_reloads_total',
      help: 'Automatic reloads of the authorization configuration.',
    },
    last: {
      name: 'apiserver_authorization_config_controller_automatic_reload_last_timestamp_seconds',
      help: 'When the authorization configuration was last reloaded.',
    },
    info: {
      name: 'apiserver_authorization_config_controller_last_config_info',
      help: 'The authorization configuration in use, by its hash.',
    },
  },
} as const;

/** Reloads of a configuration file. */
export function reloadMetrics(metrics: MetricsRegistry, what: 'authentication' | 'authorization'): ReloadMetrics {
  const id = hashLabel(serverId());
  const labels = { status: ['success', 'failure'], apiserver_id_hash: [id] } as const;
  const declared = DECLARATIONS[what];
  const total = metrics.counter({ ...declared.total, labels });
  const last = metrics.gauge({ ...declared.last, labels });
  const info = metrics.gauge({ ...declared.info, labels: { apiserver_id_hash: [id], hash: 1 } });
  const count = (status: 'success' | 'failure') => {
    total.cell(status, id).value += 1;
    last.cell(status, id).value = Date.now() / 1000;
  };
  const inUse = (text: string) => {
    info.clear();
    info.cell(id, hashLabel(text)).value = 1;
  };
  return {
    inUse,
    reloaded(text) {
      count('success');
      inUse(text);
    },
    failed: () => count('failure'),
  };
}
