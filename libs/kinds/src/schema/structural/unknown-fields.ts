/** Unknown fields that are reported, and characters of their paths: a path may be as long as the body. */
const MAX_FIELDS = 1000;
const MAX_LENGTH = 256 * 1024;

/** Collects the paths of fields that a schema does not have. */
export class UnknownFields {
  readonly paths: string[] = [];
  private readonly steps: (string | number)[] = [];
  private length = 0;

  get isAtRoot(): boolean {
    return this.steps.length === 0;
  }

  enter(step: string | number): void {
    this.steps.push(step);
  }

  leave(): void {
    this.steps.pop();
  }

  /** A field of the place that was entered. */
  add(name: string): void {
    if (!this.isFull) this.addPath(this.pathOf(name));
  }

  addPath(path: string): void {
    if (this.isFull) return;
    this.length += path.length;
    this.paths.push(path);
  }

  private get isFull(): boolean {
    return this.paths.length >= MAX_FIELDS || this.length > MAX_LENGTH;
  }

  /** Names with dots stand as they are, as the reference prints them. */
  private pathOf(name: string): string {
    let text = '';
    for (const step of this.steps) {
      if (typeof step === 'number') text += `[${step}]`;
      else text += text === '' ? step : `.${step}`;
    }
    return text === '' ? name : `${text}.${name}`;
  }
}
