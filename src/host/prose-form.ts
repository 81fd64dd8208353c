/** What is made of a text before people read it, given what this program is called here. */
export type ProseForm = (text: string, program: string) => string;

let form: ProseForm | undefined;

/** From here on notes on stderr are given this form, as failures are. */
export function setProseForm(wanted: ProseForm): void {
  form = wanted;
}

export function proseForm(): ProseForm | undefined {
  return form;
}
