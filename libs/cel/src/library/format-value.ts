import { cel } from '../type.js';
import { OpaqueValue } from '../values/value.js';

export const FORMAT = cel.object('kubernetes.NamedFormat', {});

/** A format of texts that expressions can name: `format.dns1123Label()`. */
export class FormatValue extends OpaqueValue {
  readonly type = FORMAT;

  constructor(
    private readonly name: string,
    /** What is wrong with a text. */
    readonly validate: (text: string) => readonly string[],
    /** Characters of its pattern, or of one that would do the same work. */
    readonly patternSize: number,
  ) {
    super();
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof FormatValue && other.name === this.name;
  }
}
