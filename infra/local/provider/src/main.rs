//! A stand-in for hashicorp/aws: the published schema, no cloud.
//!
//! The real Terraform runs it over the real module, so that graph, plan, state, locking and order are real while
//! nothing leaves the machine. Every operation goes to a journal, failures can be ordered, and with a local account
//! a cluster's creation starts a real Kubernetes control plane. See README.md.

mod account;
mod catalogue;
mod cloud;
mod data_source;
mod faults;
mod fresh;
mod handshake;
mod install;
mod inventory;
mod journal;
mod plan;
mod policy;
mod schema;
mod service;
mod settings;
mod strike;
mod value;

use std::{env, path::Path, process::ExitCode, sync::Arc};

use tokio::{net::TcpListener, sync::Notify};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use crate::{
    catalogue::Catalogue,
    cloud::Cloud,
    schema::Schemas,
    service::{
        Controller, Service,
        wire::{plugin::grpc_controller_server::GrpcControllerServer, provider::provider_server::ProviderServer},
    },
    settings::Settings,
};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["install", folder] => install::install(Path::new(folder)).map_err(Error::from),
        _ => serve().await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Terraform repeats the first line that a plugin writes to standard output.
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Error> {
    handshake::check()?;
    tokio::spawn(handshake::ignore_interrupts());
    let settings = Settings::from_env();
    let schemas = Schemas::load(settings.schema.as_deref())?;
    let cloud = Arc::new(Cloud::new(schemas, Catalogue::load()?, settings));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", handshake::line(listener.local_addr()?));

    let ended = Arc::new(Notify::new());
    let until = ended.clone();
    let ending = async move {
        tokio::select! {
            () = until.notified() => {}
            () = handshake::parent_gone() => std::process::exit(1),
        }
    };
    Server::builder()
        .add_service(ProviderServer::new(Service { cloud }))
        .add_service(GrpcControllerServer::new(Controller { ended }))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), ending)
        .await?;
    Ok(())
}
