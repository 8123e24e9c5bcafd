import {RPCError} from "@web/core/network/rpc";

const REFUSALS = ["AccessError", "UserError", "ValidationError"];

/**
 * @param {Error} error of a call
 * @returns {String} what the server has to say to the user
 * @throws what is no refusal but a fault
 */
export function describeRefusal(error) {
    const name = (error instanceof RPCError && error.exceptionName) || "";
    if (REFUSALS.includes(name.split(".").pop())) {
        return error.data.message;
    }
    throw error;
}
