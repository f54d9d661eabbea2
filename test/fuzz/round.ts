import type { Request } from '../attack/requester.js';
import { type Body, bodyOf } from './bodies.js';
import { Dice } from './dice.js';
import { type Json, mutated } from './mutations.js';
import { patchOf } from './patches.js';
import { Prober } from './prober.js';
import { accepted, deleteQuery, listQuery, writeQuery } from './queries.js';
import { RawJson } from './raw-json.js';
import { removeAll } from './removal.js';
import { checkStored } from './stored.js';
import type { Target } from './targets.js';
import type { World } from './world.js';

/** One kind, from the first object to the last: everything in it comes from its seed. */
export async function playRound(world: World, seed: number): Promise<Prober> {
  const dice = new Dice(seed);
  const target = dice.pick(world.targets);
  const prober = new Prober(world.send, world.admin, seed, target.key);
  await new Round(world, dice, target, prober).play();
  return prober;
}

class Round {
  private readonly name: string;
  private readonly schema;
  /** Objects that may be there. */
  private readonly names = new Set<string>();
  /** The object that is changed, as it was last read. */
  private current: Json | undefined;
  private currentName: string;

  constructor(
    private readonly world: World,
    private readonly dice: Dice,
    private readonly target: Target,
    private readonly prober: Prober,
  ) {
    this.name = `f${prober.seed.toString(36)}`;
    this.currentName = this.name;
    this.schema = world.types.ofKind(target.group, target.version, target.kind);
  }

  async play(): Promise<void> {
    const { dice, target } = this;
    if (!target.kept) {
      for (let left = 1 + dice.below(4); left > 0; left--) await this.create(this.changed(target.sample(this.name)));
      return;
    }
    try {
      if (dice.chance(0.7)) await this.createSample();
      else await this.create(this.changed(target.sample(this.name)));
      for (let left = 1 + dice.below(6); left > 0; left--) await this.act();
    } finally {
      await removeAll(this.prober, target, this.names);
    }
  }

  private changed(object: Json): Json {
    return mutated(this.dice, this.world.types, this.schema, object);
  }

  private async createSample(): Promise<void> {
    const request = { method: 'POST', path: this.target.path, body: this.target.sample(this.name) };
    const answer = await this.prober.send(request);
    if (answer.code !== 201) this.prober.found('a good object is refused', request, answer);
    await this.afterWrite(answer);
  }

  private async create(object: Json): Promise<void> {
    const metadata = object['metadata'];
    if (this.dice.chance(0.5) && isPlain(metadata)) metadata['name'] = `${this.name}-${this.dice.below(100)}`;
    await this.write('POST', this.target.path, bodyOf(this.dice, object));
  }

  private act(): Promise<unknown> {
    const { dice } = this;
    return dice.oneOf<Promise<unknown>>(
      () => this.create(this.changed(this.target.sample(this.name))),
      () => this.put(),
      () => this.put(),
      () => this.patch(this.path, this.current),
      () => this.patch(this.path, this.current),
      () => this.patch(this.path, this.current),
      () => this.subresource(),
      () => this.read(),
      () => this.deleteSome(),
    );
  }

  private get path(): string {
    return `${this.target.path}/${encodeURIComponent(this.currentName)}`;
  }

  private put(path = this.path): Promise<void> {
    const object = this.changed(this.current ?? this.target.sample(this.currentName));
    const metadata = object['metadata'];
    if (this.dice.chance(0.3) && isPlain(metadata)) delete metadata['resourceVersion'];
    return this.write('PUT', path, bodyOf(this.dice, object));
  }

  private patch(path: string, stored: Json | undefined): Promise<void> {
    const sample = this.target.sample(this.currentName);
    const { query, ...body } = patchOf(this.dice, this.world.types, this.schema, stored ?? sample, sample);
    return this.write('PATCH', path, body, query);
  }

  private async subresource(): Promise<void> {
    const { dice } = this;
    const name = dice.chance(0.9)
      ? dice.pick(this.target.subresources)
      : dice.pick(['status', 'scale', '__proto__', 'x']);
    const path = `${this.path}/${name ?? 'status'}`;
    const read = await this.prober.send({ path });
    const object = read.code === 200 ? (JSON.parse(read.text) as Json) : undefined;
    if (name === 'token' || name === 'eviction' || name === 'binding') return this.post(path, name);
    if (name === 'status' && object !== undefined && dice.chance(0.7)) {
      const status = this.world.types.member(this.schema, 'status');
      object['status'] = this.world.types.value(dice, status, 5);
    }
    if (dice.chance(0.5))
      return this.write('PUT', path, bodyOf(dice, this.changed(object ?? this.target.sample(this.name))));
    return this.patch(path, object);
  }

  private async post(path: string, name: string): Promise<void> {
    const kinds = {
      token: ['authentication.k8s.io', 'v1', 'TokenRequest'],
      eviction: ['policy', 'v1', 'Eviction'],
      binding: ['', 'v1', 'Binding'],
    } as const;
    const [group, version, kind] = kinds[name as keyof typeof kinds];
    const schema = this.world.types.ofKind(group, version, kind);
    const object = {
      ...{ apiVersion: group === '' ? version : `${group}/${version}`, kind, metadata: { name: this.currentName } },
      ...(kind === 'Binding' ? { target: { kind: 'Node', name: 'n' } } : undefined),
    };
    const typed = this.world.types.value(this.dice, schema, 4);
    const filled = { ...object, ...(isPlain(typed) ? typed : undefined) };
    await this.write('POST', path, bodyOf(this.dice, mutated(this.dice, this.world.types, schema, filled)));
  }

  private async read(): Promise<void> {
    const { dice, target } = this;
    const query = listQuery(dice, target.fieldLabels);
    const watch = target.watched && dice.chance(0.04);
    const path = watch
      ? `${target.path}?watch=1&timeoutSeconds=1&${query.replace(/timeoutSeconds=[^&]*/, '')}`
      : `${dice.chance(0.8) ? target.path : this.path}?${query}`;
    await this.prober.send({ path, headers: { Accept: accepted(dice) } });
  }

  private async deleteSome(): Promise<void> {
    const { dice, target } = this;
    const options = {
      ...{ kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, propagationPolicy: 'Background' },
      preconditions: { uid: 'x' },
    };
    const schema = this.world.types.ofKind('', 'v1', 'DeleteOptions');
    const body = bodyOf(dice, dice.chance(0.2) ? {} : mutated(dice, this.world.types, schema, options));
    // Of a kind without namespaces a collection holds objects that are not ours, and pods need the default account.
    const collection = target.namespaced && target.kind !== 'ServiceAccount' && dice.chance(0.3);
    const path = collection
      ? `${target.path}?${deleteQuery(dice)}&${listQuery(dice, target.fieldLabels)}`
      : `${this.path}?${deleteQuery(dice)}`;
    await this.prober.send({ method: 'DELETE', path, headers: { 'Content-Type': body.type }, body: body.bytes });
    this.current = await checkStored(this.prober, target, this.currentName);
  }

  private async write(method: string, path: string, body: Body, query = ''): Promise<void> {
    const queries = [query, writeQuery(this.dice)].filter((part) => part !== '').join('&');
    const request: Request = {
      ...{ method, path: queries === '' ? path : `${path}?${queries}`, body: body.bytes },
      headers: { 'Content-Type': body.type, Accept: accepted(this.dice) },
    };
    const answer = await this.prober.send(request);
    if (answer.code < 200 || answer.code >= 300) return;
    if (!this.target.kept) return;
    await this.afterWrite(answer);
  }

  /** Follows the object that was written, if it is kept. */
  private async afterWrite({ text }: { text: string }): Promise<void> {
    const name = writtenName(text, this.target.kind) ?? this.currentName;
    this.names.add(name).add(this.name);
    this.current = await checkStored(this.prober, this.target, name);
    this.currentName = name;
  }
}

/** The name in an answer of JSON; undefined in others. */
function writtenName(text: string, kind: string): string | undefined {
  try {
    const object = JSON.parse(text);
    return object.kind === kind ? object.metadata?.name : undefined;
  } catch {
    return undefined;
  }
}

function isPlain(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof RawJson);
}
