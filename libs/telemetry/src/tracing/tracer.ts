export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** Says how long a piece of work took, within which other, and what it failed with. */
export interface Tracer {
  /** Does the work within a span; spans of what it calls are its children. Gives or throws what the work does. */
  span<T>(name: string, attributes: SpanAttributes, work: () => Promise<T>): Promise<T>;
}

/** Tracing is off: the work alone. */
export const noTracer: Tracer = { span: (_name, _attributes, work) => work() };
