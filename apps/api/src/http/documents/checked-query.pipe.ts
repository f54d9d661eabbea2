import { type PipeTransform, type Type, ValidationPipe } from '@nestjs/common';
import { badRequest } from '#apimachinery';

/**
 * Makes the query an instance of a class whose decorators say what it may hold; answers 400 with every reason when it holds something
 * else. The class and the validator are loaded with the first query: no start waits for them.
 */
export class CheckedQueryPipe implements PipeTransform {
  private loaded: Promise<ValidationPipe> | undefined;

  constructor(private readonly load: () => Promise<Type>) {}

  async transform(value: unknown): Promise<unknown> {
    this.loaded ??= this.validation();
    return (await this.loaded).transform(value, { type: 'query' });
  }

  private async validation(): Promise<ValidationPipe> {
    return new ValidationPipe({
      expectedType: await this.load(),
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      exceptionFactory: (errors) =>
        badRequest(errors.flatMap(({ constraints }) => Object.values(constraints ?? {})).join(', ')),
    });
  }
}
