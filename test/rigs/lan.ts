import { execFileSync } from 'node:child_process';
import { uniqueNumber } from './machine.js';

/** Where a machine comes into a network. */
export interface LanPort {
  /** The network namespace that has the bridge. */
  namespace: string;
  /** Name of the machine's end in that namespace. */
  peer: string;
  address: string;
}

const PREFIX = '192.0.2.';

/** A bridge in a network namespace of its own, for machines that share the host's kernel. */
export class Lan {
  private readonly namespace = `berth-rig-lan-${uniqueNumber()}`;
  private ports = 0;

  constructor() {
    const ip = (...args: string[]) => execFileSync('ip', args);
    ip('netns', 'add', this.namespace);
    ip('-netns', this.namespace, 'link', 'add', 'lan', 'type', 'bridge');
    // Machines take it for the way out, where there is nothing.
    ip('-netns', this.namespace, 'address', 'add', `${PREFIX}1/24`, 'dev', 'lan');
    ip('-netns', this.namespace, 'link', 'set', 'lan', 'up');
  }

  port(): LanPort {
    const number = ++this.ports;
    return { namespace: this.namespace, peer: `machine${number}`, address: `${PREFIX}${10 + number}` };
  }

  close(): void {
    execFileSync('ip', ['netns', 'delete', this.namespace]);
  }
}
