// The types of a text catalogue.

/** A text with `{name}` for parameters; one with `one` and `other` is chosen by the parameter `count`. */
export type Message = string | { readonly one: string; readonly other: string };
export type Catalogue = Readonly<Record<string, Message>>;
/** The same keys in another language, plural where the original is plural. */
export type Translation<C extends Catalogue> = {
  readonly [K in keyof C]: C[K] extends string ? string : { readonly one: string; readonly other: string };
};
