import { deepCopy, isJsonObject, jsonTypeName, type KubeObject, type SchemaNode } from '#apimachinery';
import { type Decoded, DecodeError } from '../decode.js';
import { applySchemaDefaults, dropNulls } from './defaults.js';
import { coerceMetadata, decodeMetadata, dropMalformedMetadata, readableMetadata } from './embedded-metadata.js';
import { prune } from './prune.js';
import { Structural, type StructuralSchema } from './structural.js';
import { structuralNode } from './structural-node.js';
import { UnknownFields } from './unknown-fields.js';

/** The form in which objects of a schema are kept: what is in them, what is filled in, and how they are merged. */
export class ObjectForm {
  readonly root: Structural;
  private node: SchemaNode | undefined;

  constructor(schema: StructuralSchema) {
    this.root = Structural.root(schema);
  }

  /**
   * Drops, in place, what the schema does not have, and tells it; brings metadata into the form of ObjectMeta. A value of
   * another type than the schema's stays: validation tells it. Throws DecodeError for metadata that cannot be read.
   */
  decode(value: unknown): Decoded {
    if (!isJsonObject(value)) {
      throw new DecodeError(
        `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type map[string]interface {}`,
      );
    }
    try {
      return this.decodeObject(value);
    } catch (error) {
      // What is kept as it is can be nested without end; the stack ends before.
      if (error instanceof RangeError) throw new DecodeError('exceeded max depth');
      throw error;
    }
  }

  private decodeObject(object: Record<string, unknown>): Decoded {
    const unknownFields: string[] = [];
    const { metadata } = object;
    if (metadata !== undefined) {
      const decoded = decodeMetadata(metadata);
      for (const path of decoded.unknownFields) unknownFields.push(`metadata.${path}`);
      object['metadata'] = decoded.object;
    }
    const pruned = new UnknownFields();
    prune(object, this.root, pruned);
    dropNulls(object, this.root);
    const coerced = new UnknownFields();
    coerceMetadata(object, this.root, coerced);
    for (const { paths } of [pruned, coerced]) for (const path of paths.sort()) unknownFields.push(path);
    return { object, unknownFields };
  }

  applyDefaults(object: KubeObject): void {
    applySchemaDefaults(object, this.root);
  }

  /**
   * An object that was stored when the schema was another, in the form of this one: pruned and with defaults. Metadata that
   * cannot be read goes. Gives a copy.
   */
  fromStorage(stored: KubeObject): KubeObject {
    const object = deepCopy(stored) as KubeObject & Record<string, unknown>;
    if (isJsonObject(object.metadata)) object.metadata = readableMetadata(object.metadata);
    prune(object, this.root, new UnknownFields());
    dropNulls(object, this.root);
    dropMalformedMetadata(object, this.root);
    object.metadata.generation ||= 1;
    this.applyDefaults(object);
    return object;
  }

  /** For patches and field ownership. */
  get schemaNode(): SchemaNode {
    return (this.node ??= structuralNode(this.root));
  }
}
