/** For a door's tests: nobody else was given it since. */
export const mayGive = () => Promise.resolve(true);
