// The portal's script. Every main path works without it.
import { start } from "./common";

start();
