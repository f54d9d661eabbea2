import type { Client, Informer, SharedInformers } from '#client';
import { gvr, type Node } from '#kinds';

/** How long a fresh answer is waited for. Milliseconds. */
const LIMIT = 2000;

/** The Node object that the agent keeps, as the API server has it. */
export class OwnNode {
  private readonly informer: Informer<Node>;

  constructor(
    informers: Pick<SharedInformers, 'for'>,
    private readonly client: Pick<Client, 'get'>,
    private readonly name: string,
    /** Stands for it until it is known. */
    private readonly unregistered: Node,
  ) {
    this.informer = informers.for<Node>(gvr.nodes, { fieldSelector: `metadata.name=${name}` });
  }

  /** The last that was seen; undefined until it is known. */
  known(): Node | undefined {
    return this.informer.get('', this.name);
  }

  get(): Node {
    return this.known() ?? this.unregistered;
  }

  /** Asks the API server, and gives the last that was seen when that is away. */
  async fresh(): Promise<Node> {
    const asked = this.client.get<Node>(gvr.nodes, '', this.name).catch(() => undefined);
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, LIMIT, undefined));
    return (await Promise.race([asked, late])) ?? this.get();
  }
}
